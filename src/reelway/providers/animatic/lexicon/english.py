"""English words. Plurals of the last word of a phrase are added by the reader."""

from collections.abc import Mapping

from reelway.providers.animatic.facts import (
    CameraMove,
    ColourName,
    Fact,
    Feature,
    Figure,
    Mood,
    Pace,
    Place,
    Season,
    ShotSize,
    Style,
    SubjectKind,
    TimeOfDay,
    Weather,
)

_SCENERY: Mapping[Fact, str] = {
    Place.MOUNTAINS: "mountain, mountainside, mountaintop, peak, summit, alps, alpine, himalaya, himalayas, "
    "karakoram, k2, glacier, cliff, canyon, volcano, ridge, highland, everest",
    Place.HILLS: "hill, hillside, meadow, field, farm, farmland, grassland, prairie, countryside, valley, pasture, "
    "village, park, garden, plain, savanna, savannah, steppe, vineyard, wheat, road, highway, landscape",
    Place.LAKE: "lake, lakeside, river, riverbank, pond, lagoon, fjord, waterfall, stream, creek",
    Place.SEA: "sea, ocean, beach, coast, coastline, shore, seashore, seaside, crashing waves, surf, bay, harbour, "
    "harbor, port, island, pier",
    Place.UNDERWATER: "underwater, under water, beneath the waves, reef, coral reef, coral, seabed, ocean floor, "
    "deep sea",
    Place.STREET: "street, alley, alleyway, avenue, boulevard, sidewalk, pavement, crosswalk, city street, bazaar, "
    "market, street market, traffic, backstreet, neighborhood, neighbourhood, wet street",
    Place.CITY: "city, cityscape, skyline, downtown, metropolis, town, skyscraper, urban, rooftop, tokyo, "
    "new york, manhattan, london, paris, karachi, lahore, dubai, shanghai, hong kong, "
    "mumbai, neon city",
    Place.FOREST: "forest, wood, woodland, jungle, rainforest, grove, pine, spruce, redwood, taiga, bamboo, thicket",
    Place.DESERT: "desert, dune, sand dune, sahara, thar, oasis, wasteland, gobi, mesa, sandstorm",
    Place.SPACE: "space, outer space, galaxy, nebula, cosmos, cosmic, planet, orbit, universe, spaceship, "
    "spacecraft, satellite, asteroid, mars, moon surface, starship, milky way, solar system, black hole",
    Place.ROOM: "room, bedroom, living room, kitchen, office, interior, indoors, indoor, house interior, hallway, "
    "library, classroom, cafe, café, restaurant, window, desk, table, sofa, apartment, studio apartment, hall, "
    "temple interior",
    Place.STUDIO: "studio, product shot, pedestal, podium, turntable, seamless backdrop, white background, "
    "black background, plain background, showcase, packshot",
    Place.SKY: "sky, cloudscape, above the clouds, sea of clouds, heaven, in the air, stratosphere, flying, "
    "aerial clouds",
    Place.ABSTRACT: "abstract, fractal, pattern, geometric, shapes, gradient, dream, dreamlike, surreal, "
    "psychedelic, fluid, ink, liquid, flowing colors, flowing colours, particles, kaleidoscope, loop background",
}

_LIGHT_AND_WEATHER: Mapping[Fact, str] = {
    TimeOfDay.DAWN: "dawn, sunrise, daybreak, early morning, first light, morning, at sunup",
    TimeOfDay.DAY: "day, daytime, daylight, noon, midday, afternoon, sunny day, broad daylight, bright day",
    TimeOfDay.DUSK: "dusk, sunset, twilight, evening, golden hour, sundown, blue hour, magic hour, nightfall",
    TimeOfDay.NIGHT: "night, nighttime, midnight, moonlight, moonlit, starry, starlit, after dark, nocturnal, "
    "late night",
    Weather.CLEAR: "clear sky, clear skies, clear weather, sunny, cloudless, blue sky, blue skies, sunshine, sunlit",
    Weather.CLOUD: "cloudy, overcast, grey sky, gray sky, gloomy sky, cloudy sky",
    Weather.RAIN: "rain, rainy, raining, drizzle, downpour, shower, monsoon, rainfall, raindrop, wet street",
    Weather.SNOW: "snow, snowy, snowing, snowfall, snowflake, blizzard, snowstorm, falling snow",
    Weather.FOG: "fog, foggy, mist, misty, haze, hazy, smog, smoke, smoky, foggy morning, sandstorm, dust storm",
    Weather.STORM: "storm, stormy, thunderstorm, thunder, hurricane, tempest, typhoon, tornado, lightning storm",
    Season.SPRING: "spring, springtime, cherry blossom, cherry blossom tree, sakura, sakura tree, blossoming, blooming",
    Season.SUMMER: "summer, summertime, midsummer",
    Season.AUTUMN: "autumn, autumnal, fall season, fall colors, fall colours, fall foliage, golden leaves, maple",
    Season.WINTER: "winter, wintry, wintertime, icy, frozen, frost, frosty, christmas, arctic, antarctic, "
    "snow covered, snow capped, ice",
    Feature.SUN: "sun, sunlight, sunbeam, sunray",
    Feature.MOON: "moon, full moon, crescent, moonrise",
    Feature.STARS: "star, starry sky, starry night, stars, starlight, constellation",
    Feature.CLOUDS: "cloud, clouds",
    Feature.AURORA: "aurora, northern lights, aurora borealis, polar lights",
    Feature.HAZE: "haze, hazy, atmospheric haze",
    Feature.REFLECTION: "reflection, mirror lake, reflected, reflecting",
    Feature.LEAVES: "falling leaves, leaves falling, leaves, leaf",
    Feature.PETALS: "petal, falling petals, cherry blossom, cherry blossom tree, sakura, sakura tree, blossom, "
    "confetti",
    Feature.BLOSSOM: "cherry tree, cherry blossom, cherry blossom tree, sakura, sakura tree, blossom, blossoming, "
    "plum blossom, apple blossom, almond blossom",
    Feature.BAMBOO: "bamboo",
    Feature.JUNGLE: "jungle, rainforest, rain forest, tropical, amazon",
    Feature.COLOURFUL: "colourful, colorful, multicoloured, multicolored, rainbow, vibrant, many colours, many colors",
    Feature.FIREFLIES: "firefly, fireflies, glowing particles, fairy lights, magical particles, bioluminescent",
    Feature.SPARKS: "spark, ember, campfire, bonfire, fire, flame, sparks flying, explosion, lava, burning",
    Feature.DUST: "dust, dusty, dust motes, dust particles, sand blowing",
    Feature.LIGHTNING: "lightning, thunderbolt, lightning bolt",
    Feature.GRAIN: "grain, film grain, noise, noisy, grainy",
    Feature.VIGNETTE: "vignette, vignetting, dark corners",
}

_SUBJECTS: Mapping[Fact, str] = {
    SubjectKind.PERSON: "person, people, human, crowd, figure, someone, character, portrait, face",
    SubjectKind.ANIMAL: "animal, creature, wildlife, beast, pet",
    SubjectKind.VEHICLE: "vehicle, transport",
    SubjectKind.BUILDING: "building, architecture, monument, ruin, palace",
    SubjectKind.PLANT: "plant, houseplant, crop",
    SubjectKind.PRODUCT: "product, merchandise, gadget, device, item, packaging",
    Figure.MAN: "man, men, boy, guy, gentleman, hiker, traveller, traveler, runner, soldier, warrior, samurai, "
    "knight, king, wizard, cowboy, monk, farmer, fisherman, father, dancer, chef, detective, skater, "
    "surfer, robot, he",
    Figure.WOMAN: "woman, women, girl, lady, queen, princess, bride, ballerina, mother, she, actress, grandmother",
    Figure.CHILD: "child, children, kid, toddler, baby, little girl, little boy, schoolboy, schoolgirl",
    Figure.ASTRONAUT: "astronaut, cosmonaut, spacewalker, spaceman",
    Figure.HORSE: "horse, stallion, mare, pony, foal, zebra, donkey, unicorn, mustang, cow, bull, buffalo, ox, goat, "
    "sheep",
    Figure.DOG: "dog, puppy, hound, retriever, poodle, dachshund, beagle, labrador, spaniel",
    Figure.FOX: "fox, foxes, wolf, wolves, coyote, husky, corgi, jackal, german shepherd",
    Figure.CAT: "cat, kitten, kitty, tiger, lion, leopard, panther, cheetah, snow leopard, lynx, tabby, lioness",
    Figure.DEER: "deer, stag, elk, moose, reindeer, antelope, gazelle, markhor, ibex, fawn",
    Figure.ELEPHANT: "elephant, mammoth, rhino, rhinoceros, hippo",
    Figure.CAMEL: "camel, dromedary, llama, caravan",
    Figure.BEAR: "bear, polar bear, grizzly, gorilla",
    Figure.PANDA: "panda, giant panda",
    Figure.BIRD: "bird, eagle, hawk, falcon, seagull, gull, crow, raven, dove, pigeon, owl, crane bird, swan, duck, "
    "goose, geese, parrot, hummingbird, sparrow, butterfly, butterflies, dragon, flock",
    Figure.FISH: "fish, goldfish, koi, turtle, sea turtle, salmon, tuna",
    Figure.DOLPHIN: "dolphin, whale, shark, orca, porpoise, seal",
    Figure.CAR: "car, vintage car, classic car, retro car, automobile, sports car, sedan, taxi, suv, jeep, race car, "
    "convertible, supercar, ferrari, tesla, van",
    Figure.BUS: "bus, truck, lorry, school bus, double decker, tram, rickshaw, tractor, minibus",
    Figure.TRAIN: "train, locomotive, steam train, railway, subway, metro, bullet train, railroad",
    Figure.BICYCLE: "bicycle, bike, cyclist, biker, motorcyclist, motorcycle, motorbike, scooter",
    Figure.SAILBOAT: "sailboat, boat, sailing boat, yacht, canoe, kayak, gondola, rowboat, raft, fishing boat, dhow",
    Figure.SHIP: "ship, cargo ship, cruise ship, ferry, tanker, warship, pirate ship, vessel, submarine",
    Figure.AEROPLANE: "airplane, aeroplane, plane, aircraft, jet, airliner, helicopter, fighter jet, glider",
    Figure.ROCKET: "rocket, spaceship, spacecraft, space shuttle, missile, starship, satellite, ufo, space station",
    Figure.BALLOON: "balloon, hot air balloon, airship, zeppelin, blimp, lantern",
    Figure.HOUSE: "house, cabin, cottage, hut, barn, home, farmhouse, mill, shed, villa, shop, inn, bungalow",
    Figure.TOWER: "tower, skyscraper, clock tower, minaret, eiffel tower, obelisk, windmill, watchtower",
    Figure.CASTLE: "castle, fortress, fort, citadel, palace, cathedral, church, chapel, abbey, temple, pagoda, shrine",
    Figure.MOSQUE: "mosque, masjid, taj mahal, dome, badshahi mosque",
    Figure.LIGHTHOUSE: "lighthouse, beacon",
    Figure.TREE: "tree, oak, willow, lone tree, bonsai, maple tree, cherry tree, apple tree, cherry blossom tree, "
    "sakura tree",
    Figure.PALM: "palm, palm tree, coconut tree, date palm",
    Figure.CACTUS: "cactus, cacti, cactuses, saguaro, succulent",
    Figure.FLOWER: "flower, rose, tulip, sunflower, lotus, daisy, orchid, lily, poppy, lavender, blossom, jasmine, "
    "bouquet",
    Figure.BOTTLE: "bottle, perfume, wine bottle, perfume bottle, shampoo, whiskey, flask, jar, cosmetics, serum, "
    "lotion, soda, beer, vase, water bottle, candle",
    Figure.CUP: "cup, coffee, tea, mug, coffee cup, teacup, espresso, latte, bowl, teapot, soup",
    Figure.PHONE: "phone, smartphone, iphone, tablet, mobile phone, cellphone, laptop, computer, screen, book",
    Figure.WATCH: "watch, wristwatch, clock, pocket watch, ring, necklace, jewellery, jewelry, diamond, coin",
    Figure.BOX: "box, package, gift, gift box, parcel, photo camera, speaker, cake, treasure chest, crate",
    Figure.SHOE: "shoe, sneaker, boot, trainer, sandal, high heel",
}

_DIRECTION: Mapping[Fact, str] = {
    CameraMove.STATIC: "static shot, static camera, locked off, locked camera, fixed camera, still camera, tripod, "
    "no camera movement, camera is still, stationary camera",
    CameraMove.PAN_LEFT: "pan left, pans left, panning left, pan to the left, pans to the left",
    CameraMove.PAN_RIGHT: "pan right, pans right, panning right, pan to the right, pans to the right, pan, panning, "
    "panoramic",
    CameraMove.TILT_UP: "tilt up, tilts up, tilting up, look up, looking up, camera looks up",
    CameraMove.TILT_DOWN: "tilt down, tilts down, tilting down, look down, looking down, camera looks down",
    CameraMove.PUSH_IN: "push in, pushes in, pushing in, dolly in, dollies in, dollying in, zoom in, zooms in, "
    "zooming in, move in, moves closer, moving closer, dolly forward, dolly zoom, camera moves forward, slow zoom",
    CameraMove.PULL_OUT: "pull out, pulls out, pull back, pulls back, pulling back, dolly out, dollies out, "
    "zoom out, zooms out, zooming out, dolly back, moves away, camera moves back, moving backward",
    CameraMove.TRUCK_LEFT: "truck left, trucks left, track left, tracks left, tracking left, slide left, dolly left, "
    "slides left, moves left, camera moves left",
    CameraMove.TRUCK_RIGHT: "truck right, trucks right, track right, tracks right, tracking right, slide right, "
    "dolly right, slides right, moves right, camera moves right, tracking shot, follow shot, camera follows, "
    "dolly shot",
    CameraMove.CRANE_UP: "crane up, cranes up, crane shot, pedestal up, boom up, rises up, camera rises, jib up",
    CameraMove.CRANE_DOWN: "crane down, cranes down, pedestal down, boom down, camera descends, jib down, "
    "camera lowers",
    CameraMove.ORBIT: "orbit shot, slow orbit, orbit around, camera orbit, orbiting, orbits, arc shot, camera circles, "
    "rotating around, circling, revolves, rotates around, 360 shot, camera rotates",
    CameraMove.FLY: "drone shot, drone view, drone footage, drone over, drone, flyover, fly over, flies over, "
    "fly through, flythrough, aerial shot, aerial, flying over, fpv, bird's eye, birds eye, aerial view",
    CameraMove.HANDHELD: "handheld, hand held, shaky, shaky cam, documentary style, found footage, camera shake",
    Pace.SLOW: "slow, slowly, slow motion, gently, calmly, gradual, gradually, subtle, leisurely",
    Pace.FAST: "fast, quickly, quick, rapid, rapidly, speeding, racing, timelapse, time lapse, hyperlapse, whip",
    ShotSize.CLOSE: "close up, closeup, extreme close up, macro, macro shot, detail shot, tight shot",
    ShotSize.MEDIUM: "medium shot, mid shot, waist up, cowboy shot, medium close up",
    ShotSize.WIDE: "wide shot, wide angle, establishing shot, long shot, full shot, extreme wide shot, vast, "
    "panorama, epic",
    ShotSize.AERIAL: "aerial, aerial shot, aerial view, drone shot, drone view, drone footage, drone over, "
    "bird's eye view, birds eye view, top down, from above, overhead, high angle",
    Style.NOIR: "noir, film noir, black and white, monochrome, greyscale, grayscale",
    Style.VINTAGE: "vintage, retro, sepia, old film, super 8, 8mm, 16mm, nostalgic, 1970s, 1920s",
    Style.NEON: "neon, cyberpunk, synthwave, vaporwave, retrowave, futuristic, neon lights, blade runner",
    Style.WATERCOLOUR: "watercolour, watercolor, pastel, ghibli, painterly, gouache, storybook, soft colors, "
    "soft colours",
    Style.SKETCH: "pencil sketch, sketch, pencil drawing, storyboard, line art, hand drawn, hand-drawn, pencil, "
    "charcoal drawing",
    Style.CINEMA: "cinematic, anamorphic, widescreen, letterbox, 35mm, movie still, film still, blockbuster",
    Style.PIXELS: "pixel art, 8 bit, 8bit, 16 bit, retro game, pixelated, voxel",
}

_MOODS: Mapping[Fact, str] = {
    Mood.BRIGHT: "happy, joyful, joyous, cheerful, playful, fun, funny, lively, upbeat, festive, celebration, smiling",
    Mood.CALM: "calm, peaceful, serene, tranquil, quiet, relaxing, meditative, cozy, cosy, soothing, zen",
    Mood.TENDER: "romantic, tender, gentle, love, lovely, warm, hopeful, nostalgic, sentimental, heartwarming",
    Mood.SAD: "sad, melancholy, melancholic, lonely, sorrow, grief, mourning, gloomy, bleak, wistful, tearful",
    Mood.TENSE: "tense, suspense, suspenseful, scary, horror, creepy, ominous, dangerous, sinister, menacing, chase, "
    "thriller, dark and moody",
    Mood.EPIC: "epic, heroic, majestic, grand, dramatic, powerful, triumphant, glorious, cinematic epic, battle",
    Mood.MYSTERIOUS: "mysterious, mystical, magical, dreamy, dreamlike, ethereal, eerie, enchanted, surreal, haunting, "
    "otherworldly, fantasy",
}

_COLOURS: Mapping[Fact, str] = {
    ColourName.RED: "red, crimson, scarlet, ruby, maroon, rose, poppy, tulip",
    ColourName.ORANGE: "orange, amber, tangerine, fox, foxes, tiger, pumpkin",
    ColourName.GOLD: "gold, golden, lion, retriever, lioness",
    ColourName.YELLOW: "yellow, lemon, sunflower, taxi, school bus",
    ColourName.GREEN: "green, emerald, olive, lime, parrot, sea turtle, turtle, dragon",
    ColourName.TEAL: "teal, turquoise, cyan, aqua",
    ColourName.BLUE: "blue, navy, azure, cobalt, sapphire, indigo, whale, hummingbird",
    ColourName.PURPLE: "purple, violet, magenta, lilac, lavender, orchid",
    ColourName.PINK: "pink, rose gold, fuchsia, salmon pink, lotus, flamingo, cherry tree",
    ColourName.BROWN: "brown, chestnut, chocolate, tan, bronze, wooden, coffee, eagle, moose",
    ColourName.WHITE: "white, ivory, snow white, cream, polar bear, swan, daisy, lily, white background, unicorn, "
    "dove, seagull, wedding dress, bride",
    ColourName.GREY: "grey, gray, silver, chrome, metallic, wolf, wolves, husky, donkey, pigeon, shark, dolphin, rhino",
    ColourName.BLACK: "black, ebony, obsidian, jet black, raven, crow, panther, black background, gorilla",
}

WORDS: Mapping[Fact, str] = {**_SCENERY, **_LIGHT_AND_WEATHER, **_SUBJECTS, **_DIRECTION, **_MOODS, **_COLOURS}
