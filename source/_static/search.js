// Finds what an error says. First the rows of tables that lead from a text to a page, then the
// sections that hold the very words, drilled pages before others, then single words.
(function (root) {
  "use strict";

  var MOST = 30;
  // A row's text is looked for in a pasted line when it is no everyday word.
  var TELLING = /\S \S|^[A-Z_]{6,}$/;

  function plain(text) {
    return text.toLowerCase().replace(/[“”]/g, '"').replace(/[‘’]/g, "'").replace(/\s+/g, " ").trim();
  }

  function escaped(text) {
    return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  }

  // What a row says, as it may stand in a log: other numbers, up to two words between.
  function pattern(text) {
    var words = plain(text).split(/[\s.]+/).filter(Boolean).map(function (word) {
      return escaped(word).replace(/\d+/g, "\\d+");
    });
    var end = /[a-z0-9]$/.test(text.toLowerCase()) ? "($|[^a-z0-9])" : "";
    return new RegExp("(^|[^a-z0-9])" + words.join("\\s+(?:\\S+\\s+){0,2}") + end);
  }

  // How many of a row's own numbers a line has, less those that it has not.
  function sameNumbers(row, line) {
    return (row.match(/\d+/g) || []).reduce(function (sum, number) {
      return sum + (new RegExp("(^|\\D)" + number + "($|\\D)").test(line) ? 1 : -1);
    }, 0);
  }

  function make(texts, MiniSearch) {
    var pages = texts.pages;
    var sections = texts.sections.map(function (each) {
      return { page: each[0], anchor: each[1], title: each[2], text: each[3] };
    });
    sections.forEach(function (each) {
      each.plain = plain(each.title + " " + each.text);
      each.drilled = pages[each.page][2];
    });
    var rows = [];
    texts.rows.forEach(function (each) {
      each[3].forEach(function (said) {
        rows.push({
          page: each[0], anchor: each[1], title: each[2], text: said, plain: plain(said),
          pattern: TELLING.test(said) ? pattern(said) : null, drilled: pages[each[0]][2],
        });
      });
    });
    var documents = sections.concat(rows);
    documents.forEach(function (each, id) { each.id = id; });
    var words = null;

    function byWords(query) {
      if (!words) {
        words = new MiniSearch({
          fields: ["title", "text"],
          tokenize: function (text) { return text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) || []; },
        });
        words.addAll(documents);
      }
      var options = {
        combineWith: "AND", prefix: true, boost: { title: 3 },
        fuzzy: function (term) { return /^[a-z]{6,}$/.test(term) ? 0.15 : false; },
        boostDocument: function (id) { return documents[id].drilled ? 1.5 : 1; },
      };
      var found = words.search(query, options);
      if (!found.length) {
        options.combineWith = "OR";
        found = words.search(query, options);
      }
      return found.map(function (each) { return documents[each.id]; });
    }

    function byRows(query) {
      var found = [];
      rows.forEach(function (row) {
        var weight = 0;
        if (row.plain === query) {
          weight = 9000;
        } else if (row.pattern && row.pattern.test(query)) {
          // More of the line's words say more than a drill.
          weight = 2000 + 20 * row.plain.length + 100 * sameNumbers(row.plain, query);
        } else if (query.length > 2 && row.plain.indexOf(query) >= 0) {
          weight = 1000;
        }
        if (weight) {
          found.push({ row: row, weight: weight + (row.drilled ? 500 : 0) });
        }
      });
      found.sort(function (a, b) { return b.weight - a.weight; });
      return found.map(function (each) { return each.row; });
    }

    function byVeryWords(query) {
      var number = /^\d+$/.test(query) ? new RegExp("(^|\\D)" + query + "($|\\D)") : null;
      var found = [];
      sections.forEach(function (section) {
        if (number ? number.test(section.plain) : section.plain.indexOf(query) >= 0) {
          var titled = plain(section.title).indexOf(query) >= 0;
          var weight = (titled ? 8 : 0) + (section.drilled ? 4 : 0) + (section.anchor ? 0 : 1);
          found.push({ section: section, weight: weight });
        }
      });
      found.sort(function (a, b) { return b.weight - a.weight; });
      return found.map(function (each) { return each.section; });
    }

    // The best results first: `{url, page, section, text}`.
    return function (typed) {
      var query = plain(typed);
      if (query.length < 2) {
        return [];
      }
      var seen = {};
      return byRows(query).concat(byVeryWords(query), byWords(query)).filter(function (each) {
        each.url = pages[each.page][0] + (each.anchor ? "#" + each.anchor : "");
        if (seen[each.url]) {
          return false;
        }
        seen[each.url] = true;
        return true;
      }).slice(0, MOST).map(function (each) {
        return {
          url: each.url, page: pages[each.page][1],
          section: each.title === pages[each.page][1] ? "" : each.title, text: each.text,
        };
      });
    };
  }

  // The words around the first hit, with the hits marked.
  function excerpt(text, typed) {
    var line = document.createElement("p");
    var terms = [typed.trim()].concat(typed.split(/[^\p{L}\p{N}_]+/u)).filter(function (term) {
      return term.length > 1;
    }).map(escaped);
    var hits = terms.length ? new RegExp("(" + terms.join("|") + ")", "gi") : null;
    var at = hits ? Math.max(0, text.search(hits)) : 0;
    var from = at < 80 ? 0 : text.indexOf(" ", at - 80) + 1;
    var shown = (from ? "… " : "") + text.slice(from, from + 240);
    (hits ? shown.split(hits) : [shown]).forEach(function (part, position) {
      if (position % 2) {
        var mark = document.createElement("mark");
        mark.textContent = part;
        line.append(mark);
      } else {
        line.append(part);
      }
    });
    return line;
  }

  function show() {
    var input = document.getElementById("db-search-input");
    var list = document.getElementById("db-search-results");
    var status = document.getElementById("db-search-status");
    var search = make(root.drillbookTexts, root.MiniSearch);

    function update() {
      var found = search(input.value);
      list.textContent = "";
      found.forEach(function (each) {
        var item = document.createElement("li");
        var link = document.createElement("a");
        link.href = each.url;
        link.textContent = each.page + (each.section ? " › " + each.section : "");
        item.append(link, excerpt(each.text, input.value));
        list.append(item);
      });
      var count = found.length === MOST ? "The first " + MOST : String(found.length);
      status.textContent = input.value.trim().length < 2 ? ""
        : found.length ? count + (found.length === 1 ? " result" : " results")
        : "Nothing found. Try fewer words, or a part of the error text.";
    }

    function links() {
      return Array.from(list.querySelectorAll("a"));
    }

    document.addEventListener("keydown", function (event) {
      var step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      var all = links();
      var here = all.indexOf(document.activeElement);
      if (!step || (here < 0 && document.activeElement !== input)) {
        return;
      }
      event.preventDefault();
      (all[here + step] || (here + step < 0 ? input : all[here]) || input).focus();
    });
    document.getElementById("db-search").addEventListener("submit", function (event) {
      event.preventDefault();
      if (links()[0]) {
        links()[0].focus();
      }
    });
    input.value = new URLSearchParams(root.location.search).get("q") || "";
    input.addEventListener("input", update);
    update();
    input.focus();
  }

  root.drillbookSearch = make;
  if (root.document && root.document.getElementById("db-search")) {
    show();
  }
})(typeof window === "undefined" ? globalThis : window);
