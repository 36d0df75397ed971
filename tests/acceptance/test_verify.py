"""What a person can ask of a finished video: how it was understood, and, with `reelway verify`, where it came from."""

import json
from pathlib import Path

from net.test_certificate import write_own
from support.media import video_bytes

from .conftest import KEY, Run, served


def test_a_generated_video_is_verified_and_a_changed_one_is_caught(reelway: Run, tmp_path: Path) -> None:
    with served(tmp_path) as url:
        arguments = ("generate", "Dunes at dawn", "--base-url", url, "--api-key", KEY, "--param", "duration=5")
        done = reelway(*arguments, "--out", "video.mp4", "--json")
        assert done.returncode == 0, done.stderr
    task_id = json.loads(done.stdout)["generation"]["id"]
    shown = reelway("tasks", "show", task_id)
    assert shown.returncode == 0, shown.stderr
    for word in ("how it was understood", "desert, dawn", "truck", "dunes (desert)"):
        assert word in shown.stdout.casefold(), shown.stdout
    assert json.loads(reelway("tasks", "show", task_id, "--json").stdout)["animatic"]["shots"][0]["number"] == 1

    intact = reelway("verify", "video.mp4")
    assert intact.returncode == 0, intact.stderr
    for word in ("intact", "Reelway content credentials", "algorithmicMedia", "one of yours", "c2pa.created"):
        assert word in intact.stdout

    changed = bytearray((tmp_path / "video.mp4").read_bytes())
    changed[len(changed) // 2] ^= 1
    (tmp_path / "changed.mp4").write_bytes(changed)
    broken = reelway("verify", "changed.mp4")
    assert (broken.returncode, "broken" in broken.stdout, "fault" in broken.stdout) == (1, True, True)
    assert json.loads(reelway("verify", "changed.mp4", "--json").stdout)["state"] == "broken"


def test_a_file_without_credentials_and_a_wrong_call_have_codes_of_their_own(reelway: Run, tmp_path: Path) -> None:
    (tmp_path / "plain.mp4").write_bytes(video_bytes())
    plain = reelway("verify", "plain.mp4")
    assert (plain.returncode, "no content credentials" in plain.stderr) == (4, True)
    assert reelway("verify", "nowhere.mp4").returncode == 2
    untrusted = reelway("verify", "plain.mp4", "--trust", "plain.mp4")
    assert (untrusted.returncode, "no certificates" in untrusted.stderr) == (2, True)


def test_a_certificate_of_the_operators_that_cannot_be_used_stops_the_start(reelway: Run, tmp_path: Path) -> None:
    cert_file, key_file = write_own(tmp_path / "own", days=(-9, -1))
    settings = {"CONTENT_CREDENTIALS_CERT_FILE": cert_file, "CONTENT_CREDENTIALS_KEY_FILE": key_file}
    done = reelway("serve", "--port", "0", **settings)
    assert (done.returncode, "is valid from" in done.stderr) == (2, True), done.stderr
    alone = reelway("serve", "--port", "0", CONTENT_CREDENTIALS_CERT_FILE=cert_file)
    assert (alone.returncode, "CONTENT_CREDENTIALS_KEY_FILE" in alone.stderr) == (2, True), alone.stderr


def test_doctor_tells_what_videos_are_marked_with(reelway: Run, tmp_path: Path) -> None:
    def found(**settings: object) -> tuple[str, str]:
        findings = json.loads(reelway("doctor", "--json", **settings).stdout)
        return next((one["state"], one["detail"]) for one in findings if one["what"] == "marks of origin")

    assert found() == ("ok", "the first start makes a certificate")
    assert not (tmp_path / "data" / "content-credentials.pem").exists()
    cert_file, key_file = write_own(tmp_path / "own")
    own = {"CONTENT_CREDENTIALS_CERT_FILE": cert_file, "CONTENT_CREDENTIALS_KEY_FILE": key_file}
    assert found(**own) == ("ok", "on, es256, the operator's certificate")
    _, key_file = write_own(tmp_path / "other")
    assert found(**own | {"CONTENT_CREDENTIALS_KEY_FILE": key_file})[0] == "broken"
    assert found(CONTENT_CREDENTIALS="off")[0] == "warning"
