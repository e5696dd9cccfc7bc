// Builds the project in the folder that is named, as webpack does without any configuration.

import { join } from "node:path";
import webpack from "webpack";

const [, , context] = process.argv;
const output = { path: join(context, "dist"), filename: "main.js" };

webpack({ mode: "production", context, entry: "./main.js", output }, (error, stats) => {
  if (error ?? stats.hasErrors()) {
    console.error(error ?? stats.toString());
    process.exitCode = 1;
  }
});
