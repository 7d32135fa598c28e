#include "wizard.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <map>

#include "output.hpp"
#include "scaffold/contains.hpp"
#include "scaffold/names.hpp"
#include "scaffold/report.hpp"
#include "scaffold/resolve.hpp"
#include "scaffold/warnings.hpp"
#include "scaffolding.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {

namespace {

using namespace scaffold;

std::size_t width() {
  return columns(STDOUT_FILENO);
}

void say(const std::string& text, std::size_t indent = 0) {
  std::cout << folded(text, indent, width()) << "\n";
}

/// What was typed; nothing at the end of the input, which is no answer.
std::optional<std::string> answer(const std::string& question) {
  std::cout << question << std::flush;
  std::string line;
  if (!std::getline(std::cin, line)) {
    std::cout << "\n";
    return std::nullopt;
  }
  line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
  line.erase(line.find_last_not_of(" \t\r") + 1);
  return line;
}

std::optional<bool> yes(const std::string& question) {
  for (;;) {
    const auto typed = answer(folded(question + " [Y/n] ", 0, width()) + " ");
    if (!typed) return std::nullopt;
    if (typed->empty() || *typed == "y" || *typed == "Y" || *typed == "yes") return true;
    if (*typed == "n" || *typed == "N" || *typed == "no") return false;
    say("'" + printable(*typed) + "' is no answer: y is yes, n is no, and nothing is yes.");
  }
}

/// Something to choose, with what is said of it.
struct Choice {
  std::string name;
  std::string title;
};

/// One of them, by its number from 1, or its name; where nothing is typed the first.
std::optional<std::string> choose_one(const std::string& question, const std::vector<Choice>& choices) {
  say(question);
  for (std::size_t at = 0; at < choices.size(); ++at)
    std::cout << "  " << at + 1 << "  "
              << folded(choices[at].name + (choices[at].title.empty() ? "" : ": ") + choices[at].title, 5, width())
              << "\n";
  for (;;) {
    const auto typed = answer("Number or name [1]: ");
    if (!typed) return std::nullopt;
    if (typed->empty()) return choices.front().name;
    for (std::size_t at = 0; at < choices.size(); ++at)
      if (*typed == std::to_string(at + 1) || *typed == choices[at].name) return choices[at].name;
    say("There is no '" + printable(*typed) + "': type a number from 1 to " + std::to_string(choices.size()) +
        ", or a name.");
  }
}

constexpr auto* none = "none";

/// Those of a category, `first` at the head.
std::vector<Choice> of_category(const Catalogue& catalogue, const std::string& category, const std::string& first) {
  std::vector<Choice> choices;
  for (const auto& [name, one] : catalogue.capabilities)
    if (one.category == category && !one.hidden && !one.always && one.requires_all.size() + one.conflicts.size() > 0)
      choices.push_back({name, one.description});
  std::ranges::stable_partition(choices, [&](const Choice& one) { return one.name == first; });
  return choices;
}

/// What comes with what is chosen, and what every project has.
std::set<std::string> all_of(const Catalogue& catalogue, const std::vector<std::string>& chosen,
                             const ScaffoldArguments& arguments) {
  std::set<std::string> asked(chosen.begin(), chosen.end());
  asked.merge(defaults(catalogue, asked, arguments.without));
  const auto made = resolve(catalogue, asked);
  return made ? made->all : asked;
}

/// What there is beside, by category, in as many columns as there is room for.
void list_more(const Catalogue& catalogue, const std::set<std::string>& left_out) {
  std::vector<std::string> cells;
  std::size_t widest = 0;
  for (const auto* const one : catalogue.in_order()) {
    if (one->hidden || one->always || left_out.contains(one->name)) continue;
    if (one->category == "brokers" || one->category == "stores") continue;
    cells.push_back(one->name + ": " + one->title);
    widest = std::max(widest, cells.back().size());
  }
  const auto in_a_line = std::max<std::size_t>(1, (width() - 2) / (widest + 2));
  const auto lines = (cells.size() + in_a_line - 1) / in_a_line;
  std::cout << "What else? 'tidings capabilities' tells more of each.\n";
  for (std::size_t line = 0; line < lines; ++line) {
    std::string text;
    for (auto at = line; at < cells.size(); at += lines)
      text += "  " + cells[at] + std::string(at + lines < cells.size() ? widest - cells[at].size() : 0, ' ');
    std::cout << text << "\n";
  }
}

/// What does not go with what is chosen is asked for again, and takes no other answer with it.
bool choose_more(const Catalogue& catalogue, ScaffoldArguments& arguments, const std::set<std::string>& left_out,
                 std::vector<std::string>& chosen) {
  list_more(catalogue, left_out);
  for (;;) {
    const auto typed = answer("Names, with blanks between, or nothing: ");
    if (!typed) return false;
    if (typed->empty()) return true;
    std::vector<std::string> names{*typed};
    if (auto taken = split(names, "the answer"); !taken) {
      complain(taken.error());
      continue;
    }
    bool fine = true;
    for (const auto& name : names)
      if (const auto* const one = catalogue.find(name); one == nullptr || one->hidden) {
        complain(unknown_capability(catalogue, name));
        fine = false;
      }
    if (!fine) continue;
    std::set<std::string> all(chosen.begin(), chosen.end());
    all.insert(names.begin(), names.end());
    auto without = arguments.without;
    std::erase_if(without, [&](const auto& name) { return contains(names, name); });
    all.merge(defaults(catalogue, all, without));
    if (const auto resolution = resolve(catalogue, all); !resolution) {
      complain(resolution.error());
      continue;
    }
    arguments.without = std::move(without);
    chosen.insert(chosen.end(), names.begin(), names.end());
    return true;
  }
}

bool ask_layout(ScaffoldArguments& arguments) {
  const auto chosen =
      choose_one("How are its sources to stand?", {{"layered", "src/domain, src/application, src/adapters"},
                                                   {"hexagonal", "src/domain, src/ports, src/adapters"},
                                                   {"flat", "src"}});
  if (chosen) arguments.layout = *chosen;
  return chosen.has_value();
}

/// Defaults that are declined join `arguments.without`.
bool ask_all(const Catalogue& catalogue, ScaffoldArguments& arguments, std::vector<std::string>& chosen) {
  const auto broker = choose_one("Which broker carries its events?", of_category(catalogue, "brokers", "embedded-log"));
  if (!broker) return false;
  chosen.push_back(*broker);
  auto stores = of_category(catalogue, "stores", "sqlite");
  stores.push_back({none, "no state, and events that may get lost: an outbox takes a database"});
  const auto store = choose_one("Which database does it keep its state in?", stores);
  if (!store) return false;
  if (*store != none) chosen.push_back(*store);
  auto asked = all_of(catalogue, {}, arguments);
  for (const auto& [name, question] :
       {std::pair{"outbox", "Are events to leave with the transaction, so that none is lost (outbox)?"},
        std::pair{"inbox", "Are events that come twice to take effect once (inbox)?"},
        std::pair{"docker", "A Dockerfile, and a compose file for its servers (docker)?"},
        std::pair{"ci-github", "A workflow for GitHub Actions (ci-github)?"}}) {
    const auto* const one = catalogue.find(name);
    if (one == nullptr || contains(arguments.without, name)) continue;
    asked.insert(name);
    const bool takes_store = std::string_view(name) == "outbox" || std::string_view(name) == "inbox";
    if ((takes_store && *store == none) || (!one->is_default && all_of(catalogue, chosen, arguments).contains(name)))
      continue;
    const auto wanted = yes(question);
    if (!wanted) return false;
    if (*wanted) chosen.emplace_back(name);
    if (!*wanted && one->is_default) arguments.without.emplace_back(name);
  }
  asked.merge(all_of(catalogue, chosen, arguments));
  return choose_more(catalogue, arguments, asked, chosen);
}

/// One line for all of them; they are told in full once the project is there, where they hide no question.
std::string short_of(const std::vector<Warning>& found) {
  std::string text;
  for (const auto& one : found)
    text += (text.empty() ? "" : ", ") + one.id + (one.severity == Severity::error ? " (critical)" : std::string());
  return text;
}

}  // namespace

bool ask_name(ScaffoldArguments& arguments) {
  for (;;) {
    const auto typed = answer("The service's name: ");
    if (!typed) return false;
    if (auto names = names_of(*typed); names) {
      arguments.name = *typed;
      return true;
    } else {
      complain(names.error());
    }
  }
}

bool ask(const Catalogue& catalogue, ScaffoldArguments& arguments) {
  std::cout << "A new service, " << arguments.name << ". Nothing is written before the last question.\n";
  for (;;) {
    if (!arguments.has_layout && !ask_layout(arguments)) break;
    std::vector<std::string> chosen;
    auto answered = arguments;
    if (!ask_all(catalogue, answered, chosen)) break;
    std::set<std::string> asked(chosen.begin(), chosen.end());
    asked.merge(defaults(catalogue, asked, answered.without));
    const auto resolution = resolve(catalogue, asked);
    if (!resolution) {
      complain(resolution.error());
      continue;
    }
    std::string all;
    for (const auto& name : resolution->shown(catalogue)) all += " " + name;
    say("It has" + all + ".", 2);
    if (const auto found = warnings(catalogue, resolution->all, {}); !found.empty())
      say("Warned of, and told in full below: " + short_of(found) + ".", 2);
    const auto agreed = yes("Make it?");
    if (!agreed || !*agreed) break;
    arguments.with = chosen;
    arguments.without = answered.without;
    return true;
  }
  std::cout << "Nothing is made.\n";
  return false;
}

}  // namespace tidings::cli
