// What draws messages that are more than a text with buttons: pages of their own, and surveys. Few sites have them, so it is loaded when the
// device holds one.

export { default as FORM_STYLE } from "./display/form-style.css";
export { drawPage } from "./display/html.js";
export { drawSurvey } from "./display/survey.js";
