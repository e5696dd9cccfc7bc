// What the shop sells. Prices are in euros.

export const CATEGORIES = [
  { id: "light", name: "Light" },
  { id: "fire", name: "Fire" },
  { id: "warmth", name: "Warmth" },
];

export const PRODUCTS = [
  {
    id: "beeswax-pillar",
    name: "Beeswax Pillar",
    category: "light",
    price: 18.5,
    tone: "dusk",
    summary: "Pure wax, sixty hours of light",
    description:
      "Poured in one piece from the wax of a single valley. It burns slowly, smells faintly of honey, and needs nothing but a plate.",
    details: ["100 % beeswax, cotton wick", "7 × 14 cm", "About 60 hours"],
  },
  {
    id: "storm-lantern",
    name: "Storm Lantern",
    category: "light",
    price: 64,
    tone: "straw",
    summary: "Stays lit when the wind gets up",
    description:
      "Pressed steel and a glass that is easy to take out and clean. The flame is fed from below, so that a gust only makes it lean.",
    details: ["Powder-coated steel", "28 cm high", "20 hours on one filling"],
  },
  {
    id: "enamel-mug",
    name: "Enamel Mug",
    category: "warmth",
    price: 14,
    tone: "clay",
    summary: "For the stove, the fire and the table",
    description:
      "Two coats of enamel on a steel body. It takes the heat of the embers, and a chip only makes it yours.",
    details: ["Enamelled steel", "380 ml", "Goes into the dishwasher"],
  },
  {
    id: "kindling-axe",
    name: "Kindling Axe",
    category: "fire",
    price: 79,
    tone: "moss",
    summary: "Small, sharp, and in balance",
    description:
      "A short axe for one hand. The head is forged and ground by hand, the handle is ash with a fine grain, oiled twice.",
    details: ["Forged carbon steel, ash handle", "37 cm, 640 g", "Comes with a leather sheath"],
  },
  {
    id: "wool-blanket",
    name: "Wool Blanket",
    category: "warmth",
    price: 98,
    tone: "dusk",
    summary: "Two stripes and a great deal of warmth",
    description:
      "Woven from the wool of old breeds in a mill that has run since 1911. Heavy enough for the porch, soft enough for the sofa.",
    details: ["100 % virgin wool", "130 × 190 cm", "Air it; it hardly needs washing"],
  },
  {
    id: "long-matches",
    name: "Long Matches",
    category: "fire",
    price: 6.5,
    tone: "straw",
    summary: "Ten centimetres of patience",
    description: "Aspen sticks that are long enough to reach the middle of the stack, in a box worth keeping.",
    details: ["60 matches", "10 cm", "Aspen from managed woods"],
  },
  {
    id: "dipped-tapers",
    name: "Dipped Tapers",
    category: "light",
    price: 12.5,
    tone: "clay",
    summary: "A pair, on one wick",
    description:
      "Dipped thirty times and hung to cool in pairs. Cut the wick when you need them; until then they look good on a nail.",
    details: ["Rapeseed wax, coloured through", "2 × 28 cm", "8 hours each"],
  },
  {
    id: "fire-starters",
    name: "Fire-Starters",
    category: "fire",
    price: 9,
    tone: "ash",
    summary: "Wood wool and wax, nothing else",
    description: "Shavings from a joiner’s floor, wound and dipped in wax. One is enough, and it doesn’t smell of paraffin.",
    details: ["32 pieces in a crate", "Burn for 10 minutes", "Keep dry"],
  },
  {
    id: "camp-kettle",
    name: "Camp Kettle",
    category: "warmth",
    price: 48,
    tone: "straw",
    summary: "Tea for four, over the embers",
    description: "A wide base for a quick boil, a lid that stays on when you pour, and a handle that stays cool.",
    details: ["Enamelled steel, beech grip", "1.6 litres", "For fire, gas and induction"],
  },
];

/** The product with this id, if the shop has it. */
export function productById(id) {
  return PRODUCTS.find((product) => product.id === id);
}

export function categoryName(id) {
  return CATEGORIES.find((category) => category.id === id)?.name ?? id;
}
