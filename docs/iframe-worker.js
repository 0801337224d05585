// Browsers start no Worker for a page that was opened from a disk. Search then runs in a hidden frame of the page instead.
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.appendChild(frame)
      const inner = (this.inner = frame.contentWindow)
      const load = source =>
        new Promise((done, failed) => {
          const script = inner.document.createElement("script")
          script.onload = done
          script.onerror = failed
          script.src = source
          inner.document.body.appendChild(script)
        })
      inner.importScripts = (...sources) => sources.reduce((before, one) => before.then(() => load(one)), Promise.resolve())
      inner.postMessage = data => this.tell(this, data)
      this.loaded = load(new URL(url, location.href).href)
    }

    postMessage(data) {
      this.loaded.then(() => this.tell(this.inner, data))
    }

    tell(target, data) {
      const event = new MessageEvent("message", { data })
      target.dispatchEvent(event)
      if (target === this && this.onmessage) this.onmessage(event)
    }
  }
  window.Worker = window.IFrameWorker
}
