// Two things that a built page cannot know: today's date, and the width of the screen.
(function () {
  "use strict";

  // A mark says until when it holds; a copy that has lain on a disk for longer says so.
  function expire() {
    var today = new Date().toISOString().slice(0, 10);
    document.querySelectorAll("[data-until]").forEach(function (element) {
      var until = element.getAttribute("data-until");
      var state = element.getAttribute("data-state");
      if (today <= until || (state !== "verified" && state !== "simulated")) {
        return;
      }
      var word = element.querySelector(".db-state");
      word.className = "db-state db-stale";
      word.textContent = "≠ stale";
      word.title = "This copy of the book is older than its marks may be: " + until;
      element.setAttribute("data-state", "stale");
      var box = element.closest(".db-snippet");
      if (box) {
        box.classList.remove("db-is-verified", "db-is-simulated");
        box.classList.add("db-is-stale");
      }
    });
  }

  // What scrolls sideways can be reached, and scrolled, by keyboard.
  function reach() {
    var wide = "article pre, .table-wrapper, .dg, .db-scroll";
    document.querySelectorAll(wide).forEach(function (box) {
      if (box.scrollWidth > box.clientWidth) {
        box.setAttribute("tabindex", "0");
      } else {
        box.removeAttribute("tabindex");
      }
    });
  }

  expire();
  reach();
  window.addEventListener("resize", reach);
})();
