"""The words of captions: colours, patterns, materials, templates, and names of the photos' categories."""

COLOURS = (
    "white", "black", "grey", "silver", "red", "dark red", "maroon", "orange", "brown", "dark brown", "tan",
    "beige", "cream", "yellow", "gold", "mustard", "olive", "lime green", "green", "dark green", "teal",
    "turquoise", "light blue", "sky blue", "blue", "navy blue", "purple", "lavender", "magenta", "pink",
    "light pink", "salmon", "colourful", "multicoloured", "gray", "violet", "crimson", "khaki", "golden",
)  # fmt: skip
PATTERNS = (
    "striped", "plaid", "checked", "spotted", "polka dot", "floral", "patterned", "plain", "printed",
    "camouflage", "shiny", "transparent",
)  # fmt: skip
MATERIALS = (
    "wooden", "leather", "metal", "plastic", "glass", "ceramic", "cotton", "denim", "knitted", "woollen",
    "paper", "stone", "steel", "rubber", "silk", "fluffy",
)  # fmt: skip
QUALITIES = (
    "small", "large", "big", "old", "new", "modern", "cute", "wild", "fresh", "ripe", "sliced", "open",
    "round", "long", "short", "toy", "cheap", "vintage", "electric", "baby", "men's", "women's", "kids",
)  # fmt: skip

TEMPLATES = (
    "{}", "{}", "a {}", "a photo of a {}", "a picture of a {}", "photo of {}", "a product photo of a {}",
    "an image of a {}", "the {}", "a close-up of a {}", "{} on a white background", "a drawing of a {}",
)  # fmt: skip
"""The bare name comes twice: that is what people type."""
SCENES = (
    "a {} on a table", "a {} in the kitchen", "two {}s", "a {} in the grass", "a {} next to a {}",
    "a {} and a {}",
    "a person holding a {}", "a {} on the street", "{} with a {}", "a {} in a store", "{} for sale",
)  # fmt: skip

CLOTHING = {
    "t-shirt": (
        "t-shirt",
        "t-shirt",
        "tee",
        "tee shirt",
        "short sleeve top",
        "short sleeved t-shirt",
    ),
    "longsleeve": (
        "longsleeve",
        "long sleeve",
        "long sleeve top",
        "long sleeved shirt",
        "sweater",
        "pullover",
    ),
    "pants": ("pants", "pants", "trousers", "jeans", "pair of trousers", "slacks"),
    "shirt": ("shirt", "shirt", "button-up shirt", "dress shirt", "shirt with a collar", "blouse"),
    "shoes": ("shoes", "shoes", "sneakers", "footwear", "pair of shoes", "shoe"),
    "dress": ("dress", "dress", "gown", "frock", "summer dress"),
    "shorts": ("shorts", "shorts", "short pants", "short trousers"),
    "outwear": ("outwear", "outerwear", "jacket", "coat", "jacket or coat"),
    "hat": ("hat", "hat", "cap", "headwear"),
    "skirt": ("skirt", "skirt", "miniskirt"),
}
"""Names of the clothing photos' categories; the first ones come more often."""
CLOTHING_ANCESTORS = ("clothing", "garment", "clothes", "item of clothing", "fashion")

_FRUIT = ("fruit", "fruit", "fresh fruit", "food")
_CITRUS = ("citrus fruit", "fruit", "food")
_VEGETABLE = ("vegetable", "vegetable", "vegetables", "food")
_CARTON = ("carton", "drink", "beverage", "package", "dairy carton")
_DAIRY = ("dairy product", "carton", "package", "food")
GROCERY_ANCESTORS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("Apple", "Avocado", "Banana", "Kiwi", "Mango", "Melon", "Nectarine", "Papaya", "Passion Fruit",
         "Peach", "Pear", "Pineapple", "Plum", "Pomegranate"), _FRUIT,
    ),
    **dict.fromkeys(("Lemon", "Lime", "Orange", "Red Grapefruit", "Satsumas"), _CITRUS),
    **dict.fromkeys(
        ("Asparagus", "Aubergine", "Cabbage", "Carrots", "Cucumber", "Garlic", "Ginger", "Leek", "Mushroom",
         "Onion", "Pepper", "Potato", "Red Beet", "Tomato", "Zucchini"), _VEGETABLE,
    ),
    **dict.fromkeys(("Juice", "Milk", "Oat Milk", "Soy Milk"), _CARTON),
    **dict.fromkeys(("Sour Cream", "Sour Milk", "Yoghurt", "Soyghurt", "Oatghurt"), _DAIRY),
}  # fmt: skip
GROCERY_SYNONYMS = {
    "Yoghurt": ("yogurt",), "Satsumas": ("mandarin", "clementine"), "Aubergine": ("eggplant",),
    "Zucchini": ("courgette",), "Pepper": ("bell pepper",), "Red Beet": ("beetroot",),
    "Juice": ("carton of juice", "fruit juice"), "Milk": ("carton of milk",),
    "Carrots": ("carrot",), "Potato": ("potatoes",), "Mushroom": ("mushrooms",), "Tomato": ("tomatoes",),
    "Red Grapefruit": ("grapefruit",), "Oatghurt": ("oat yoghurt",), "Soyghurt": ("soy yoghurt",),
}  # fmt: skip
