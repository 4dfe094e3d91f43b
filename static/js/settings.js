// Forms of the settings behave like that of the sign-in page.
import "./signin.js";

// Where the sections stand in one line that does not fit, the one that is open is in sight.
document.querySelector(".settings-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
