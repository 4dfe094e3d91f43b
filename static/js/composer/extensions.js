import { startDrop } from "./drop.js";
import { startElsewhere } from "./elsewhere.js";
import { startIdentity } from "./identity.js";
import { startLater } from "./later.js";
import { startMenus } from "./menus.js";
import { startPanels } from "./panels.js";
import { startReminder } from "./reminder.js";
import { startWishes } from "./wishes.js";

// What else stands in a composer, one line each: a function of (root, composer) that may return
// { collect() fields to save, fill(fields) of a recovered text, refuse(extra) true to hold Send back, saved(answer),
// trouble(text, field) true if it has shown it, stop() }.
export const extensions = [
  startMenus,
  startDrop,
  startReminder,
  startLater,
  startPanels,
  startElsewhere,
  startIdentity,
  startWishes,
];
