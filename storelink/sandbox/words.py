"""Words the generated shop is made of: names, streets and goods, awkward ones among them."""

FIRST_NAMES = (
    "Mary", "James", "Zoë", "Renée", "王", "Олег", "Anna", "Luis", "Søren", "Fatima", "Yuki", "D'Arcy",
    "Jean-Luc", "Ayşe", "Kofi", "Ingrid", "Tom", "Priya", "Łukasz", "Grace",
)  # fmt: skip
LAST_NAMES = (
    "Smith", "O’Brien", "Петров", "Smith-Jones", "Müller", "García", "Nguyễn", "van der Berg", "李",
    "Kowalski", "Haddad", "Brown", "Østergård", "Okafor", "Rossi", "Tanaka", "Novák", "Dubois",
)  # fmt: skip
ADJECTIVES = (
    "Tiny", "Slim", "<b>Bold</b>", '"Quoted"', "日本の", "Soft", "Grand & Co", "Día", "Ünique", "Old",
    "Red", "Warm", "Plain", "5' Tall", "Émile’s",
)  # fmt: skip
NOUNS = (
    "Socks", "Lamp", "Poster", "Чашка", "靴", "Bottle", "Teppich", "Chair", "Scarf", "Mug", "Notebook",
    "Kissen", "Tea ☕", "Backpack", "Candle",
)  # fmt: skip
STREETS = ("Main St", "Elm St", "Rue de l’Église", "Hauptstraße", "Oak Ave", "High Street", "北京路")
SIZES = ("XS", "S", "M", "L", "XL")
COLOURS = ("Red", "Blue", "Grün", "白")
CATEGORIES = ("Home", "Clothing", "Kitchen", "Office & Paper", "Garten")
NOTES = (
    "Please leave at the door",
    "Ring twice.\nThanks!",
    "¿Pueden envolverlo?",
    "Call me <b>first</b>",
)
REASONS = ("Damaged", "one broken", "goodwill", "", "Too small – wrong size", "dup", "客户退货")
FEES = ("Gift wrap", "Handling", "Loyalty discount")
COMPANIES = ("", "", "", "", "Acme & Sons", "Åkerlund AB", '"Best" Traders')
COUPONS = (("ten", 10), ("spring-25", 25), ("vip5", 5))

#: country, state, city, postcode
PLACES = (
    ("US", "CA", "San Francisco", "94107"),
    ("US", "NY", "New York", "10001"),
    ("US", "TX", "Austin", "73301"),
    ("GB", "", "London", "SW1A 1AA"),
    ("DE", "DE-BE", "Berlin", "10115"),
    ("CA", "QC", "Montréal", "H2X 1Y4"),
    ("JP", "JP13", "千代田区", "100-0001"),
    ("US", "OR", "Portland", "97201"),
)
