"""Each fact of seeds 000 to 003, with where and how a contract page says it, in English and in Urdu.

Seed 000 is Urdu, 001 its English twin, 002 Urdu; the English of 002 is that of 001 with the other model's values.
Where a seed prints a sentence, it is here word for word.
"""

from dataclasses import dataclass
from typing import Any

Texts = dict[str, str]
YES: Texts = {"en": "Yes", "ur": "ہاں"}
NO: Texts = {"en": "No", "ur": "نہیں"}


@dataclass(frozen=True)
class Model:
    id: str
    name: str
    credits: int
    characters: int
    rule: Texts
    params: tuple[tuple[str, str, str, str, str, Texts], ...]
    """Key, type, default, range, options, description."""


def same(text: str) -> Texts:
    return {"en": text, "ur": text}


TURBO = Model(
    "kling-v2-5-turbo-pro",
    "Kling V2.5 Turbo Pro",
    42,
    2500,
    {
        "en": "Reference images: Optionally upload up to 2 images to switch into image-to-video mode; the second image "
        "maps to the tail frame.",
        "ur": "Reference images: Image-to-video mode میں switch کرنے کے لئے optionally 2 images تک upload کریں؛ دوسری "
        "image tail frame پر map ہوتی ہے۔",
    },
    (
        ("duration", "select", "5", "-", "5, 10", same("Duration")),
        ("aspect_ratio", "select", "16:9", "-", "16:9, 9:16, 1:1", same("Aspect ratio")),
        ("negative_prompt", "text", "-", "-", "-", same("Negative prompt")),
        (
            "cfg_scale",
            "number",
            "0.5",
            "min 0 / max 1",
            "-",
            {
                "en": "Controls how tightly the result follows your prompt. Higher values usually stay closer to the "
                "prompt, but can also make motion or composition feel stiffer.",
                "ur": "یہ control کرتا ہے کہ result آپ کے prompt کو کتنی سختی سے follow کرے۔ Higher values عموما "
                "prompt کے قریب رہتی ہیں، مگر motion یا composition کو زیادہ stiff بھی بنا سکتی ہیں۔",
            },
        ),
    ),
)
THREE = Model(
    "kling-3-0",
    "Kling 3.0",
    90,
    2000,
    {
        "en": "Reference media: Upload up to 2 image files in total for image-to-video projects.",
        "ur": "Reference media: Image-to-video projects کے لئے total 2 image files تک upload کریں۔",
    },
    (
        ("mode", "select", "pro", "-", "std, pro", same("Generation mode")),
        ("multi_shots", "select", "false", "-", "false, true", same("Shot mode")),
        ("duration", "select", "5", "-", "3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15", same("Duration")),
        ("sound", "select", "false", "-", "false, true", same("Generate audio")),
        ("aspect_ratio", "select", "16:9", "-", "16:9, 9:16, 1:1", same("Aspect ratio")),
    ),
)


def sentences(model: Model) -> dict[str, Texts]:
    """Facts that stand somewhere on the page as a text."""
    return {
        "title": same(f"{model.name} API Integration"),
        "use": {
            "en": f"Use {model.name} through Rivya Public API v1 with model id {model.id}, supported inputs, "
            "parameters, Files API rules, credits, and response examples.",
            "ur": f"{model.name} کو Rivya Public API v1 کے ذریعے model id {model.id}، supported inputs، parameters، "
            "Files API rules، credits اور response examples کے ساتھ استعمال کریں۔",
        },
        "available": {"en": "Available via API", "ur": "API کے ذریعے دستیاب"},
        "text or url": {
            "en": "Text or URL ready; reference modes use Files API",
            "ur": "Text یا URL تیار ہے؛ reference modes میں Files API استعمال ہوتی ہے",
        },
        "request contract": {
            "en": "Request contract Send the model id at the top level. Model-specific controls belong in params.",
            "ur": "Request contract model id کو top level پر بھیجیں۔ Model-specific controls params میں رہتے ہیں۔",
        },
        "model parameters": same("Model parameters"),
        "upload first": {
            "en": "Upload reference files first, then place the returned URL and duration token inside "
            "params.referenceMediaItems.",
            "ur": "Reference files پہلے upload کریں، پھر returned URL اور duration token کو params.referenceMediaItems "
            "کے اندر رکھیں۔",
        },
        "minimal request": same("Minimal request"),
        "reference request": same("Reference-file request"),
        "create response": {
            "en": "Create response The create endpoint returns a public task id. Poll the status endpoint until the "
            "task succeeds or fails.",
            "ur": "Create response create endpoint ایک public task id واپس کرتا ہے۔ task succeeded یا failed ہونے تک "
            "status endpoint poll کریں۔",
        },
        "common errors": same(
            "Common errors validation_failed, insufficient_credits, idempotency_conflict, rate_limited, not_found"
        ),
        "some modes": {
            "en": "Some modes require Files API reference uploads.",
            "ur": "کچھ modes کو Files API reference uploads درکار ہوتے ہیں۔",
        },
    }


def pairs(model: Model) -> dict[str, tuple[Texts, Texts]]:
    """Facts that stand as a label with a value."""
    return {
        "id": ({"en": "API model id", "ur": "API کا model id"}, same(model.id)),
        "inputs": ({"en": "Inputs", "ur": "ان پٹ"}, same("text, file")),
        "files api": (
            {"en": "Files API", "ur": "Files API کا استعمال"},
            {"en": "Required for reference modes", "ur": "Reference modes کے لیے required"},
        ),
        "credits": ({"en": "Base credits", "ur": "بنیادی کریڈٹ"}, same(str(model.credits))),
        "capability": ({"en": "Capability", "ur": "صلاحیت"}, {"en": "Video", "ur": "ویڈیو"}),
        "billing": ({"en": "Billing", "ur": "بلنگ"}, same("FIXED")),
        "prompt limit": (
            {"en": "Prompt limit", "ur": "prompt کی حد"},
            {"en": f"{model.characters} characters", "ur": f"{model.characters} characters (حروف)"},
        ),
        "reference rule": ({"en": "Reference rule", "ur": "reference کا اصول"}, model.rule),
        "max files": ({"en": "Max files", "ur": "زیادہ سے زیادہ فائلیں"}, same("2")),
        "kinds": ({"en": "Accepted file kinds", "ur": "قابلِ قبول فائلیں"}, same("image")),
        "duration token": (
            {"en": "Duration token", "ur": "duration token کا اصول"},
            {
                "en": "Video and audio references should carry durationToken from /api/v1/files when duration "
                "verification is required.",
                "ur": "duration verification required ہو تو video اور audio references کو /api/v1/files سے "
                "durationToken ساتھ رکھنا چاہیے۔",
            },
        ),
    }


def request_rows(model: Model) -> tuple[tuple[str, str, Texts, str, Texts], ...]:
    """Key, type, required, default, description of the request contract."""
    return (
        (
            "model",
            "string",
            YES,
            model.id,
            {"en": f"Use the {model.id} API model id.", "ur": f"{model.id} API model id استعمال کریں۔"},
        ),
        (
            "prompt",
            "string",
            YES,
            "-",
            {
                "en": f"Maximum {model.characters} characters for this model.",
                "ur": f"اس model کے لیے زیادہ سے زیادہ {model.characters} characters۔",
            },
        ),
        (
            "params",
            "object",
            NO,
            "-",
            {
                "en": "Model-specific parameter object. Use the rows below for allowed keys.",
                "ur": "Model-specific parameter object۔ allowed keys کے لیے نیچے والی rows استعمال کریں۔",
            },
        ),
        (
            "client_request_id",
            "string",
            NO,
            "-",
            {
                "en": "Optional client-side id for tracing requests in your system.",
                "ur": "آپ کے system میں requests trace کرنے کے لیے optional client-side id۔",
            },
        ),
    )


UPLOAD_ROW = ("image", "10 MB", "image/jpeg, image/png, image/webp")


def created(model: Model) -> dict[str, Any]:
    """The create response."""
    return {
        "id": f"task_{model.id.replace('-', '_')}_example",
        "status": "queued",
        "model": model.id,
        "reserved_credits": model.credits,
        "final_credits": 0,
        "created_at": "2026-05-11T00:00:00.000Z",
        "updated_at": "2026-05-11T00:00:00.000Z",
        "result": None,
        "error": None,
    }


# --- seed 003: the APIXO side of the turbo model ----------------------------------------------------------------------

APIXO_SENTENCES: dict[str, Texts] = {
    "tagline": {
        "en": "Fast high-quality video generation with start/end frame control",
        "ur": "تیز اور اعلیٰ معیار کی ویڈیو، آغاز اور آخری frame پر قابو کے ساتھ",
    },
    "authentication": {
        "en": "All requests require an API Key in the header:",
        "ur": "ہر درخواست کے header میں API کلید لازمی ہے:",
    },
    "text mode": {
        "en": "text-to-video — Generate video from text",
        "ur": "text-to-video — متن سے ویڈیو بنائیں",
    },
    "image mode": {
        "en": "image-to-video — Generate video from image (supports 1-2 images for end frame control)",
        "ur": "image-to-video — تصویر سے ویڈیو بنائیں (آخری frame پر قابو کے لیے 1-2 تصاویر)",
    },
    "example of text": {"en": "Text-to-Video", "ur": "متن سے ویڈیو (Text-to-Video)"},
    "example of images": {
        "en": "Image-to-Video (with End Frame Control)",
        "ur": "تصویر سے ویڈیو، آخری frame کے ساتھ (Image-to-Video)",
    },
    "create answer": {
        "en": "Returns taskId on success for subsequent status queries.",
        "ur": "کامیابی پر taskId واپس آتا ہے، جس سے بعد میں حالت پوچھی جاتی ہے۔",
    },
    "status": {
        "en": "Query task execution status and results via taskId.",
        "ur": "taskId سے کام کی حالت اور نتیجہ پوچھیں۔",
    },
    "over the limit": {
        "en": "Exceeding limits returns 429 error. Wait and retry.",
        "ur": "حد سے بڑھنے پر 429 error آتا ہے۔ انتظار کریں اور دوبارہ کوشش کریں۔",
    },
    "5 s": {
        "en": "5-second video: ~30-45 seconds",
        "ur": "5 سیکنڈ کی ویڈیو: تقریباً 30-45 سیکنڈ",
    },
    "10 s": {
        "en": "10-second video: ~45-60 seconds",
        "ur": "10 سیکنڈ کی ویڈیو: تقریباً 45-60 سیکنڈ",
    },
    "pace": {
        "en": "Submit task, wait 30 seconds, then poll every 5 seconds",
        "ur": "کام بھیجیں، 30 سیکنڈ انتظار کریں، پھر ہر 5 سیکنڈ بعد پوچھیں",
    },
    "turbo": {
        "en": "Turbo advantage: Faster generation and better value compared to standard version, ideal for batch "
        "generation.",
        "ur": "Turbo کا فائدہ: عام version سے تیز اور بہتر قیمت پر؛ ایک ساتھ بہت سی ویڈیوز کے لیے بہترین۔",
    },
    "callback mode": {
        "en": "Callback mode: Recommend using callback mode to avoid frequent polling.",
        "ur": "Callback: بار بار پوچھنے سے بچنے کے لیے callback بہتر ہے۔",
    },
    "expiration": {
        "en": "Video expiration: Result URLs are valid for 15 days. Download promptly.",
        "ur": "ویڈیو کی مدت: نتیجے کے URLs 15 دن چلتے ہیں۔ جلد ڈاؤن لوڈ کر لیں۔",
    },
    "moderation": {
        "en": "Content moderation: Prompts must comply with content safety guidelines.",
        "ur": "مواد کی جانچ: prompts حفاظتی اصولوں کے مطابق ہونے چاہییں۔",
    },
    "two images": {
        "en": "End frame control: image-to-video mode supports 2 images",
        "ur": "آخری frame پر قابو: image-to-video میں 2 تصاویر دی جا سکتی ہیں۔",
    },
    "first image": {"en": "1st image: Video start frame", "ur": "پہلی تصویر: ویڈیو کا پہلا frame"},
    "second image": {"en": "2nd image: Video end frame", "ur": "دوسری تصویر: ویڈیو کا آخری frame"},
    "precise": {
        "en": "Enables precise start/end control, ideal for transition animations",
        "ur": "آغاز اور انجام دونوں پر پورا قابو ملتا ہے؛ transition animations کے لیے بہترین۔",
    },
    "negative prompt": {
        "en": "Negative prompt: Use negative_prompt to avoid blur, jitter, and other unwanted effects.",
        "ur": "Negative prompt: دھندلاہٹ، لرزش اور دوسرے ناپسندیدہ اثرات سے بچنے کے لیے negative_prompt استعمال کریں۔",
    },
    "cfg loose": {"en": "0.3-0.5: More creative freedom", "ur": "0.3-0.5: تخلیقی آزادی زیادہ"},
    "cfg medium": {"en": "0.6-0.8: Moderate adherence to prompt", "ur": "0.6-0.8: prompt کی معتدل پیروی"},
    "cfg strict": {
        "en": "0.9-1.0: Strict adherence, may lose flexibility",
        "ur": "0.9-1.0: سخت پیروی، لچک کم ہو سکتی ہے",
    },
    "image formats": {
        "en": "Image formats: image_urls supports JPG, PNG, WebP, max 10MB per image.",
        "ur": "تصاویر کے formats: image_urls میں JPG, PNG, WebP، فی تصویر زیادہ سے زیادہ 10MB۔",
    },
}

APIXO_ROWS: dict[str, tuple[tuple[Texts, ...], ...]] = {
    "apixo-endpoints": (
        (
            same("POST"),
            same("/api/v1/generateTask/kling-2-5-turbo-pro"),
            {"en": "Create generation task", "ur": "generation task بنائیں"},
        ),
        (
            same("GET"),
            same("/api/v1/statusTask/kling-2-5-turbo-pro"),
            {"en": "Query task status", "ur": "task کی حالت پوچھیں"},
        ),
    ),
    "apixo-request-body": (
        (
            same("request_type"),
            same("string"),
            NO,
            same("async"),
            {"en": "async (polling) or callback (webhook)", "ur": "async (خود پوچھیں) یا callback (webhook سے اطلاع)"},
        ),
        (
            same("callback_url"),
            same("string"),
            {"en": "When request_type=callback", "ur": "جب request_type=callback ہو"},
            same("-"),
            {
                "en": "Callback URL, required when request_type=callback",
                "ur": "اطلاع کا URL؛ request_type=callback ہو تو لازمی",
            },
        ),
        (
            same("provider"),
            same("string"),
            NO,
            same("auto"),
            {"en": "Routing strategy: auto, value, official", "ur": "راستے کا انتخاب: auto, value, official"},
        ),
        (
            same("input"),
            same("object"),
            YES,
            same("-"),
            {"en": "Model input parameters", "ur": "model کے parameters کا object"},
        ),
    ),
    "apixo-states": (
        (same("taskId"), same("string"), {"en": "Unique task identifier", "ur": "کام کی منفرد شناخت"}),
        (same("state"), same("string"), same("pending, processing, success, failed")),
        (
            same("resultJson"),
            same("string"),
            {
                "en": "JSON containing resultUrls array (on success)",
                "ur": "JSON جس میں resultUrls کی array ہوتی ہے (کامیابی پر)",
            },
        ),
        (same("failCode"), same("string"), {"en": "Error code (on failure)", "ur": "خرابی کا کوڈ (ناکامی پر)"}),
        (same("failMsg"), same("string"), {"en": "Error message (on failure)", "ur": "خرابی کا پیغام (ناکامی پر)"}),
        (same("createTime"), same("integer"), {"en": "Task creation timestamp (ms)", "ur": "کام بننے کا وقت (ms)"}),
        (
            same("completeTime"),
            same("integer"),
            {"en": "Task completion timestamp (ms)", "ur": "کام مکمل ہونے کا وقت (ms)"},
        ),
        (same("costTime"), same("integer"), {"en": "Processing duration (ms)", "ur": "کام میں لگا وقت (ms)"}),
    ),
    "apixo-error-codes": (
        (
            same("400"),
            {
                "en": "Invalid parameters or request error",
                "ur": "parameters غلط ہیں یا درخواست میں خرابی ہے",
            },
        ),
        (same("401"), {"en": "Invalid or missing API Key", "ur": "API کلید غلط ہے یا موجود نہیں"}),
        (same("429"), {"en": "Rate limit exceeded", "ur": "درخواستوں کی حد سے تجاوز"}),
    ),
    "apixo-limits": (
        ({"en": "Requests", "ur": "درخواستیں"}, {"en": "10000 / minute", "ur": "10000 / منٹ"}),
        ({"en": "Concurrent tasks", "ur": "ایک ساتھ چلتے کام"}, same("1000")),
    ),
}
"""Rows by section. The last cell of a row may say more than this."""

APIXO_FAILURES: dict[str, Texts] = {
    "CONTENT_VIOLATION": {"en": "Content violates safety guidelines", "ur": "مواد حفاظتی اصولوں کے خلاف ہے"},
    "INVALID_IMAGE_URL": {"en": "Cannot access provided image URL", "ur": "دیے گئے image URL تک رسائی نہیں ہو سکی"},
}
