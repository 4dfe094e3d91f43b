import { startMenus } from "./menus.js";

// What else stands in a composer, one line each: a function of (root, composer) that may return
// { collect() fields to save, fill(fields) of a recovered text, refuse() true to hold Send back, saved(answer), stop() }.
export const extensions = [
  startMenus,
];
