// Hands pictures from the clipboard to the page's drop zone. `data.target`: what the drop zone's key begins with.
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const status = parentElement.querySelector("[role=status]");
  button.textContent = data.label;

  const isPicture = (type) => type.startsWith("image/");

  function hand(files) {
    const input = document.querySelector(`[class*="st-key-${data.target}"] input[type=file]`);
    if (!input || files.length === 0) return;
    const transfer = new DataTransfer();
    for (const file of files) transfer.items.add(file);
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    status.textContent = "";
  }

  function onPaste(event) {
    const files = [...(event.clipboardData?.files ?? [])].filter((file) => isPicture(file.type));
    if (files.length === 0) return; // text pasted into a field goes its usual way
    event.preventDefault();
    hand(files);
  }

  async function onClick() {
    try {
      const files = [];
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find(isPicture);
        if (type) files.push(new File([await item.getType(type)], `pasted.${type.split("/")[1]}`, { type }));
      }
      if (files.length) hand(files);
      else status.textContent = "There is no picture on the clipboard.";
    } catch {
      // No permission, or the page is not served over HTTPS: the keyboard still works.
      status.textContent = "The browser did not allow it. Press Ctrl+V (⌘V on a Mac) instead.";
    }
  }

  document.addEventListener("paste", onPaste);
  button.addEventListener("click", onClick);
  return () => {
    document.removeEventListener("paste", onPaste);
    button.removeEventListener("click", onClick);
  };
}
