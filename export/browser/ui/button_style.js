// How a button of the browser's own parts appears: as those of the page around it.

/** Style rules for `button`, in Streamlit's colours. */
export const BUTTONS = `
  button { font: inherit; font-size: 0.875rem; padding: 0.35rem 1rem; min-height: 2.5rem; cursor: pointer; max-width: 100%;
    border: 1px solid var(--st-border-color, #ccc); border-radius: var(--st-button-radius, 0.5rem);
    background: var(--st-background-color, #fff); color: inherit; }
  button.primary { background: var(--st-primary-color, #ff4b4b); border-color: transparent;
    color: var(--st-background-color, #fff); }
  button:hover:not(:disabled, .primary) { border-color: var(--st-primary-color, #ff4b4b); color: var(--st-primary-color, #ff4b4b); }
  button:focus-visible { outline: 2px solid var(--st-primary-color, #ff4b4b); outline-offset: 2px; }
  button:disabled { opacity: 0.6; cursor: default; }
`;
