// Forms of the settings behave like that of the sign-in page.
import "./signin.js";
