"""The closed sets of things the engine can recognise in a prompt and show in a picture."""

from enum import StrEnum


class Place(StrEnum):
    MOUNTAINS = "mountains"
    HILLS = "hills"
    LAKE = "lake"
    SEA = "sea"
    UNDERWATER = "underwater"
    CITY = "city"
    STREET = "street"
    FOREST = "forest"
    DESERT = "desert"
    SPACE = "space"
    ROOM = "room"
    STUDIO = "studio"
    SKY = "sky"
    ABSTRACT = "abstract"


class TimeOfDay(StrEnum):
    DAWN = "dawn"
    DAY = "day"
    DUSK = "dusk"
    NIGHT = "night"


class Weather(StrEnum):
    CLEAR = "clear"
    CLOUD = "cloud"
    RAIN = "rain"
    SNOW = "snow"
    FOG = "fog"
    STORM = "storm"


class Season(StrEnum):
    SPRING = "spring"
    SUMMER = "summer"
    AUTUMN = "autumn"
    WINTER = "winter"


class SubjectKind(StrEnum):
    PERSON = "person"
    ANIMAL = "animal"
    VEHICLE = "vehicle"
    BUILDING = "building"
    PLANT = "plant"
    PRODUCT = "product"


class Figure(StrEnum):
    """What exactly a subject looks like; `FIGURE_KINDS` says which kind each belongs to."""

    MAN = "man"
    WOMAN = "woman"
    CHILD = "child"
    ASTRONAUT = "astronaut"
    HORSE = "horse"
    DOG = "dog"
    FOX = "fox"
    CAT = "cat"
    DEER = "deer"
    ELEPHANT = "elephant"
    CAMEL = "camel"
    BEAR = "bear"
    PANDA = "panda"
    BIRD = "bird"
    FISH = "fish"
    DOLPHIN = "dolphin"
    CAR = "car"
    BUS = "bus"
    TRAIN = "train"
    BICYCLE = "bicycle"
    SAILBOAT = "sailboat"
    SHIP = "ship"
    AEROPLANE = "aeroplane"
    ROCKET = "rocket"
    BALLOON = "balloon"
    HOUSE = "house"
    TOWER = "tower"
    CASTLE = "castle"
    MOSQUE = "mosque"
    LIGHTHOUSE = "lighthouse"
    TREE = "tree"
    PALM = "palm"
    CACTUS = "cactus"
    FLOWER = "flower"
    BOTTLE = "bottle"
    CUP = "cup"
    PHONE = "phone"
    WATCH = "watch"
    BOX = "box"
    SHOE = "shoe"


_KIND_FIGURES = {
    SubjectKind.PERSON: (Figure.MAN, Figure.WOMAN, Figure.CHILD, Figure.ASTRONAUT),
    SubjectKind.ANIMAL: (
        Figure.HORSE,
        Figure.DOG,
        Figure.FOX,
        Figure.CAT,
        Figure.DEER,
        Figure.ELEPHANT,
        Figure.CAMEL,
        Figure.BEAR,
        Figure.PANDA,
        Figure.BIRD,
        Figure.FISH,
        Figure.DOLPHIN,
    ),
    SubjectKind.VEHICLE: (
        Figure.CAR,
        Figure.BUS,
        Figure.TRAIN,
        Figure.BICYCLE,
        Figure.SAILBOAT,
        Figure.SHIP,
        Figure.AEROPLANE,
        Figure.ROCKET,
        Figure.BALLOON,
    ),
    SubjectKind.BUILDING: (Figure.HOUSE, Figure.TOWER, Figure.CASTLE, Figure.MOSQUE, Figure.LIGHTHOUSE),
    SubjectKind.PLANT: (Figure.TREE, Figure.PALM, Figure.CACTUS, Figure.FLOWER),
    SubjectKind.PRODUCT: (Figure.BOTTLE, Figure.CUP, Figure.PHONE, Figure.WATCH, Figure.BOX, Figure.SHOE),
}
FIGURE_KINDS = {figure: kind for kind, figures in _KIND_FIGURES.items() for figure in figures}


class Feature(StrEnum):
    """A part of a picture that a prompt can ask for and a negative prompt can take away."""

    SUN = "sun"
    MOON = "moon"
    STARS = "stars"
    CLOUDS = "clouds"
    AURORA = "aurora"
    HAZE = "haze"
    REFLECTION = "reflection"
    LEAVES = "leaves"
    PETALS = "petals"
    BLOSSOM = "blossom"
    BAMBOO = "bamboo"
    JUNGLE = "jungle"
    COLOURFUL = "colourful"
    FIREFLIES = "fireflies"
    SPARKS = "sparks"
    DUST = "dust"
    LIGHTNING = "lightning"
    GRAIN = "grain"
    VIGNETTE = "vignette"


class CameraMove(StrEnum):
    STATIC = "static"
    PAN_LEFT = "pan_left"
    PAN_RIGHT = "pan_right"
    TILT_UP = "tilt_up"
    TILT_DOWN = "tilt_down"
    PUSH_IN = "push_in"
    PULL_OUT = "pull_out"
    TRUCK_LEFT = "truck_left"
    TRUCK_RIGHT = "truck_right"
    CRANE_UP = "crane_up"
    CRANE_DOWN = "crane_down"
    ORBIT = "orbit"
    FLY = "fly"
    HANDHELD = "handheld"


class Mood(StrEnum):
    """What the picture feels like; it chooses the key of the music and tints the light a little."""

    BRIGHT = "bright"
    CALM = "calm"
    TENDER = "tender"
    SAD = "sad"
    TENSE = "tense"
    EPIC = "epic"
    MYSTERIOUS = "mysterious"


class Pace(StrEnum):
    SLOW = "slow"
    FAST = "fast"


class ShotSize(StrEnum):
    CLOSE = "close"
    MEDIUM = "medium"
    WIDE = "wide"
    AERIAL = "aerial"


class Style(StrEnum):
    NOIR = "noir"
    VINTAGE = "vintage"
    NEON = "neon"
    WATERCOLOUR = "watercolour"
    SKETCH = "sketch"
    CINEMA = "cinema"
    PIXELS = "pixels"


class ColourName(StrEnum):
    RED = "red"
    ORANGE = "orange"
    GOLD = "gold"
    YELLOW = "yellow"
    GREEN = "green"
    TEAL = "teal"
    BLUE = "blue"
    PURPLE = "purple"
    PINK = "pink"
    BROWN = "brown"
    WHITE = "white"
    GREY = "grey"
    BLACK = "black"


Fact = (
    Place
    | TimeOfDay
    | Weather
    | Season
    | Figure
    | SubjectKind
    | Feature
    | CameraMove
    | Mood
    | Pace
    | ShotSize
    | Style
    | ColourName
)
