// What `npm run lint` reports: eslint's own recommendations, and which way imports go (ui -> runtime -> constants).

import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["dist/"] },
  js.configs.recommended,
  { rules: { eqeqeq: "error", "no-var": "error", "prefer-const": "error", "object-shorthand": "error" } },
  { files: ["*.js"], languageOptions: { globals: globals.node } },
  { files: ["runtime/**", "ui/**"], languageOptions: { globals: globals.browser } },
  {
    files: ["runtime/**"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["**/ui/**"], message: "runtime/ works without a page: ui/ imports it, never the other way." },
          ],
        },
      ],
    },
  },
];
