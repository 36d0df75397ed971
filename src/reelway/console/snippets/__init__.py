"""Snippets: a request as a program that makes the video, in each dialect that can say it and in several languages."""
