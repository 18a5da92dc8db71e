"""The pages of the app. A page only arranges widgets; its parts are in parts/."""
