// What Streamlit hands to a component (v2). No code is in here.

export interface Component<Data> {
  parentElement: HTMLElement | ShadowRoot;
  data: Data;
  /** The value becomes readable for the page's Python, which runs again. */
  setStateValue(name: string, value: unknown): void;
}
