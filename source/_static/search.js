// Finds the page that answers what an error says, or what a person calls it.
//
// Two measures are added up for each page: how much of one text that leads to it (an output of its
// drill, a row of a table, a line of triage) the query holds, in its order; and how well the words
// of the page fit, by MiniSearch. Rare words count more than common ones. What differs from run to
// run (times, addresses, ids) is taken off both.
(function (root) {
  "use strict";

  var MOST = 30;
  // Share of the words of a page against one text that leads to it.
  var FIT = 0.6;
  // What the words of a page count more, by how much of the query no text holds.
  var REST = 0.1;
  // Words of a text from which on it says enough when the query holds all of it.
  var WHOLE_TEXT = 5;
  var NOISE = new RegExp([
    "\\d{4}-\\d\\d-\\d\\d[t ]\\d\\d:\\d\\d:\\d\\d(?:[.,]\\d+)?(?:z| ?utc|[+-]\\d\\d:?\\d\\d)?", // a time
    "\\d{1,2} [a-z]{3} (?:\\d{4} )?\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?",
    "\\b\\d+(?::\\d\\d)+(?:\\.\\d+)?\\b",
    "\\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\\b", // a UUID
    "\\b\\d+\\.\\d+\\.\\d+\\.\\d+(?::\\d+)?\\b|\\bip(?:-\\d+){4}\\b", // an address
    "\\[[\\d:]+\\]", // a process
    "(?<=[a-z])[-:]\\d{4,5}\\b|\\bport \\d+", // a port
    "\\b(?:[a-z]{2,4}_)?(?=[a-z]*\\d)(?=\\d*[a-z])[a-z0-9]{14,}\\b", // an id
    "\\b[0-9a-f]{16,}\\b",
    "<[a-z-]+>", // a mask
  ].join("|"), "g");
  var STOP = new Set(("a an and are as at be been but by did do does for from had has have he her here his i if in into"
    + " is it its me my of on or our she so than that the their them then there these they this to us was we were what"
    + " when where which who why will with you your").split(" "));

  function plain(text) {
    return text.toLowerCase().replace(/[“”]/g, '"').replace(/[‘’]/g, "'").replace(/\s+/g, " ").trim();
  }

  function escaped(text) {
    return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  }

  // Whether one letter that is missing, added, changed or exchanged with the next tells them apart.
  function near(one, other) {
    var from = 0;
    var most = Math.min(one.length, other.length);
    if (Math.abs(one.length - other.length) > 1) {
      return false;
    }
    while (from < most && one[from] === other[from]) {
      from += 1;
    }
    var rest = [one.slice(from), other.slice(from)];
    return rest[0].slice(1) === rest[1].slice(1) || rest[0] === rest[1].slice(1) || rest[0].slice(1) === rest[1]
      || (rest[0][0] === rest[1][1] && rest[0][1] === rest[1][0] && rest[0].slice(2) === rest[1].slice(2));
  }

  // Text to words: one stem for each word, and one name for what goes by several.
  function reader(same, Stemmer) {
    var stemmer = new Stemmer();
    var known = new Map();
    function stem(word) {
      if (!known.has(word)) {
        known.set(word, /^[a-z]+$/.test(word) ? stemmer.stemWord(word) : word);
      }
      return known.get(word);
    }
    var names = new Map();
    same.forEach(function (group) {
      group.forEach(function (word) { names.set(stem(word), stem(group[0])); });
    });
    // The port of a server names it; other ports differ from run to run.
    var ports = Array.from(names.keys()).filter(function (word) { return /^\d+$/.test(word); });
    var served = ports.length ? new RegExp("(?:\\.\\d+|[a-z0-9-]+|port ?):?(" + ports.join("|") + ")\\b", "g") : /$^/;
    return function (text) {
      // CrashLoopBackOff is found whole and by its parts.
      var split = text.replace(/\b[A-Za-z]*[a-z][A-Z][A-Za-z]+\b/g, function (word) {
        return word + " " + word.replace(/([a-z])([A-Z])/g, "$1 $2");
      }).replace(/n['’]t\b/g, " not");
      return (plain(split).replace(served, "$& $1 ").replace(NOISE, " ").match(/[\p{L}\p{N}]+/gu) || []).filter(function (word) {
        return !STOP.has(word) && (word.length > 1 || /\d/.test(word));
      }).map(function (word) {
        return names.get(stem(word)) || stem(word);
      });
    };
  }

  function make(texts, MiniSearch, Stemmer) {
    var wordsOf = reader(texts.same, Stemmer);
    var pages = texts.pages.map(function (each, id) {
      return { id: id, url: each[0], title: each[1], weight: each[2], sections: [], said: [] };
    });
    texts.sections.forEach(function (each) {
      pages[each[0]].sections.push({
        anchor: each[1], title: each[2], text: each[3], titled: wordsOf(each[2]), words: wordsOf(each[3]),
      });
    });
    texts.said.forEach(function (each) {
      pages[each[0]].said.push({ anchor: each[1], text: each[2], words: wordsOf(each[2]), weight: each[3] });
    });

    // Weight of a word: how few pages it leads to.
    var spread = new Map();
    pages.forEach(function (page) {
      var own = new Set();
      page.said.forEach(function (each) { each.words.forEach(own.add, own); });
      own.forEach(function (word) { spread.set(word, (spread.get(word) || 0) + 1); });
    });
    function weight(word) {
      var rare = Math.log(1 + pages.length / (spread.get(word) || pages.length));
      return /^\d+$/.test(word) && !/^[45]\d\d$/.test(word) ? 0.3 * rare : rare;
    }
    function features(words) {
      var found = new Map();
      words.forEach(function (word, at) {
        found.set(word, weight(word));
        if (at) {
          found.set(words[at - 1] + " " + word, (weight(words[at - 1]) + weight(word)) / 4);
        }
      });
      return found;
    }
    function sum(found) {
      var all = 0;
      found.forEach(function (each) { all += each; });
      return all;
    }
    pages.forEach(function (page) {
      page.said.forEach(function (each) {
        each.features = features(each.words);
        each.sum = sum(each.features);
      });
    });

    // How much of one text and the query is the same.
    function bestSaid(page, query, whole) {
      var best = { value: 0 };
      page.said.forEach(function (each) {
        var common = 0;
        each.features.forEach(function (value, feature) {
          common += query.has(feature) ? value : 0;
        });
        var held = common && common / Math.min(whole, each.sum);
        var alike = common && (2 * common) / (whole + each.sum);
        var value = each.weight * common * held * held * (0.5 + 0.5 * alike);
        if (value > best.value) {
          best = { value: value, said: each, held: held, alike: alike };
        }
      });
      return best;
    }

    // Texts are given as words already.
    function split(text) { return text.split(" "); }
    function same(term) { return term; }
    var vocabulary = new Set();
    var index = new MiniSearch({
      fields: ["title", "said", "lead", "text"], tokenize: split, processTerm: same,
    });
    index.addAll(pages.map(function (page) {
      var all = [];
      page.sections.forEach(function (each) { all.push.apply(all, each.titled.concat(each.words)); });
      var said = [].concat.apply([], page.said.map(function (each) { return each.words; }));
      all.concat(said).forEach(vocabulary.add, vocabulary);
      return {
        id: page.id, title: wordsOf(page.title).join(" "), said: said.join(" "), text: Array.from(new Set(all)).join(" "),
        lead: page.sections.length ? page.sections[0].words.join(" ") : "",
      };
    }));

    // A word that no page has is taken for the one that it is a slip of, the commonest of them.
    var slips = new Map();
    function meant(word) {
      if (vocabulary.has(word) || !/^[a-z]{5,}$/.test(word)) {
        return word;
      }
      if (!slips.has(word)) {
        var best = word;
        vocabulary.forEach(function (each) {
          if (near(word, each) && (best === word || (spread.get(each) || 0) > (spread.get(best) || 0))) {
            best = each;
          }
        });
        slips.set(word, best);
      }
      return slips.get(word);
    }

    function byWords(words) {
      var found = new Map();
      var asked = new Set(words).size;
      index.search(words.join(" "), {
        boost: { title: 3, said: 2, lead: 1.5, text: 0.7 },
        prefix: function (term, at, terms) { return at === terms.length - 1 && term.length > 2; },
        fuzzy: function (term) { return /^[a-z]{6,}$/.test(term) && !vocabulary.has(term) ? 0.15 : false; },
        weights: { fuzzy: 0.2, prefix: 0.4 },
      }).forEach(function (each) {
        found.set(each.id, each.score * new Set(each.queryTerms).size / asked);
      });
      return found;
    }

    // The section of a page that holds the words best; the page itself when none does.
    function place(page, query, asking, best) {
      var asked = plain(query);
      var words = new Set(asking);
      function held(list) {
        return new Set(list.filter(function (word) { return words.has(word); })).size;
      }
      var top = { value: 0 };
      page.sections.forEach(function (each, at) {
        each.plain = each.plain || plain(each.title + " " + each.text);
        var very = each.plain.indexOf(asked) >= 0 ? 3 : 0;
        var value = 2 * held(each.titled) + held(each.words) + very + (at ? 0 : 0.5);
        if (value > top.value) {
          top = { value: value, anchor: each.anchor, title: at ? each.title : "", text: each.text };
        }
      });
      if (best.said && best.value > 0.8 * sum(features(Array.from(words)))) {
        return { anchor: best.said.anchor, title: "", text: best.said.text };
      }
      return top.value ? top : { anchor: "", title: "", text: page.sections[0] ? page.sections[0].text : "" };
    }

    // The best results first: `{url, page, section, text}`.
    return function (typed) {
      var words = wordsOf(typed).map(meant);
      if (plain(typed).length < 2 || !words.length) {
        return [];
      }
      var query = features(words);
      var whole = sum(query);
      var fits = byWords(words);
      var best = Math.max.apply(null, Array.from(fits.values()).concat(1e-9));
      var found = pages.map(function (page) {
        return { page: page, best: bestSaid(page, query, whole) };
      });
      // One text that fits well says more than words that are scattered over a page. Where no text
      // is held, as with words of users, the page's own words decide.
      var text = found.reduce(function (top, each) {
        return each.best.value > top.value ? each.best : top;
      }, { value: 0 });
      var top = text.value || whole;
      var sure = text.said ? Math.max(text.alike, text.held * Math.min(1, text.said.words.length / WHOLE_TEXT)) : 0;
      var most = FIT * top + REST * (1 - sure) * Math.max(0, whole - top);
      return found.map(function (each) {
        var fit = (fits.get(each.page.id) || 0) / best;
        each.value = each.page.weight * (each.best.value + most * fit);
        return each;
      }).filter(function (each) {
        return each.value > 0;
      }).sort(function (a, b) {
        return b.value - a.value;
      }).slice(0, MOST).map(function (each) {
        var at = place(each.page, typed, words, each.best);
        return {
          url: each.page.url + (at.anchor ? "#" + at.anchor : ""),
          page: each.page.title, section: at.title, text: at.text,
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
    var search = null;

    function update() {
      if (!search) {
        return;
      }
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
    input.focus();
    // The page is there before its words are counted.
    root.setTimeout(function () {
      search = make(root.drillbookTexts, root.MiniSearch, root.EnglishStemmer);
      update();
    }, 0);
  }

  root.drillbookSearch = make;
  if (root.document && root.document.getElementById("db-search")) {
    show();
  }
})(typeof window === "undefined" ? globalThis : window);
