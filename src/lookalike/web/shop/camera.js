// A picture from the camera.

import { h } from "../dom.js";
import { dialog } from "../elements/dialog.js";
import { icon } from "../icons.js";

/** Resolves to a picture file, or null if none was taken. */
export function takePicture() {
  // Browsers give pages the live camera over https and on this machine only; phones have a camera app besides.
  return navigator.mediaDevices?.getUserMedia ? live() : fromApp();
}

async function live() {
  let stream = null;
  const file = await dialog("Take a picture", (close) => {
    const video = h("video", { class: "camera-view", autoplay: true, playsinline: true, "aria-label": "What the camera sees" });
    video.muted = true;
    const shoot = h("button", { class: "button primary", type: "button", disabled: true, on: { click: () => frame(video).then(close) } }, icon("camera"), "Take the picture");
    const said = h("p", { class: "hint", role: "status" }, "Waiting for the camera …");
    navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } }).then(
      (given) => {
        if (!video.isConnected) {
          stop(given);
          return;
        }
        stream = given;
        video.srcObject = given;
        video.addEventListener("playing", () => {
          shoot.disabled = false;
          said.textContent = "Hold it so that the thing fills the picture.";
          shoot.focus();
        }, { once: true });
      },
      (error) => {
        said.className = "hint bad";
        said.textContent = error.name === "NotAllowedError" ? "The browser doesn't allow this page to use the camera."
          : error.name === "NotFoundError" ? "There is no camera on this device."
            : `The camera can't be used: ${error.message}`;
      },
    );
    return [video, said, h("div", { class: "dialog-foot" }, shoot)];
  }, { wide: true });
  stop(stream);
  return file;
}

function stop(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function frame(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((resolve) => {
    canvas.toBlob((blob) => resolve(new File([blob], "camera.jpg", { type: "image/jpeg" })), "image/jpeg", 0.92);
  });
}

function fromApp() {
  return new Promise((resolve) => {
    const field = h("input", { type: "file", accept: "image/*", capture: "environment" });
    field.addEventListener("change", () => resolve(field.files[0] ?? null));
    field.addEventListener("cancel", () => resolve(null));
    field.click();
  });
}
