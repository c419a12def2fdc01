// Pictures that are searched with. An address can't hold one, so it holds its digest, and the picture stays in
// this tab's storage: reloading and going back work; a link opened elsewhere asks for the picture again.

import { dataUri } from "../elements/picture.js";

const STEM = "lookalike.picture.";
const SIDE = 1024; // far more than any model looks at, and little to send
const LIGHT = 700_000; // bytes that are sent and kept as they are

const kept = new Map();

/** Keep a picture file for this tab. Resolves to its digest. */
export async function keep(file) {
  if (file.type && !file.type.startsWith("image/")) {
    throw new Error(`“${file.name}” is not a picture`);
  }
  const uri = await dataUri(file.size > LIGHT ? await smaller(file) : file);
  const id = digest(uri);
  kept.set(id, uri);
  store(id, uri);
  return id;
}

/** The data URI of a kept picture, or null. */
export function recall(id) {
  if (!id) return null;
  if (kept.has(id)) return kept.get(id);
  try {
    return sessionStorage.getItem(STEM + id);
  } catch {
    return null;
  }
}

function store(id, uri) {
  for (;;) {
    try {
      sessionStorage.setItem(STEM + id, uri);
      return;
    } catch {
      const oldest = Object.keys(sessionStorage).find((name) => name.startsWith(STEM));
      if (!oldest) return; // it lasts as long as the page
      sessionStorage.removeItem(oldest);
    }
  }
}

/** At most SIDE pixels on the longer side, upright. What the browser can't open goes to the service as it is. */
async function smaller(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return file;
  }
  const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const brush = canvas.getContext("2d");
  brush.fillStyle = "#fff"; // as the service lays transparency over white
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve) => {
    canvas.toBlob((blob) => resolve(blob ?? file), "image/jpeg", 0.92);
  });
}

/** Short, and the same for the same picture. Not cryptography, which browsers grant to https only. */
function digest(text) {
  let a = 0x811c9dc5;
  let b = 0x1b873593;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b + code, 0x85ebca6b) ^ (b >>> 13);
  }
  return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
