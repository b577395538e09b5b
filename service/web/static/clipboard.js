// Puts words on the clipboard, as plain text and, where there is one, as HTML; also on pages that came without TLS.

/**
 * @param {Promise<{text: string, html: string | null}>} coming What to copy. Browsers want to be asked at once, while
 * the words may still be on their way.
 * @param {boolean} hasHtml Whether there will be HTML.
 */
export const copy = async (coming, hasHtml = false) => {
  if (window.ClipboardItem && navigator.clipboard?.write) {
    const as = (type, pick) => [type, coming.then((paste) => new Blob([pick(paste)], { type }))];
    const kinds = [as("text/plain", (paste) => paste.text)];
    if (hasHtml) kinds.push(as("text/html", (paste) => paste.html));
    await Promise.all([coming, navigator.clipboard.write([new ClipboardItem(Object.fromEntries(kinds))])]);
    return;
  }
  const paste = await coming;
  const fill = (event) => {
    event.preventDefault();
    event.clipboardData.setData("text/plain", paste.text);
    if (paste.html) event.clipboardData.setData("text/html", paste.html);
  };
  document.addEventListener("copy", fill, { once: true });
  const done = document.execCommand("copy");
  document.removeEventListener("copy", fill);
  if (!done) throw new Error("The browser does not let this page copy.");
};
