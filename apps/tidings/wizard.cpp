#include "wizard.hpp"

#include <algorithm>
#include <iostream>

#include "output.hpp"
#include "scaffold/contains.hpp"
#include "scaffold/resolve.hpp"
#include "scaffold/warnings.hpp"
#include "scaffolding.hpp"

namespace tidings::cli {

namespace {

using namespace scaffold;

/// What was typed; nothing at the end of the input.
std::optional<std::string> answer(const std::string& question) {
  std::cout << question << std::flush;
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
  line.erase(line.find_last_not_of(" \t\r") + 1);
  return line;
}

std::optional<bool> yes(const std::string& question) {
  for (;;) {
    const auto typed = answer(question + " [Y/n] ");
    if (!typed) return std::nullopt;
    if (typed->empty() || *typed == "y" || *typed == "Y" || *typed == "yes") return true;
    if (*typed == "n" || *typed == "N" || *typed == "no") return false;
    complain("answer y or n; nothing means y");
  }
}

/// One of a category, or none; by its number or name.
bool choose_one(const Catalogue& catalogue, const std::string& category, const std::string& none,
                std::vector<std::string>& chosen) {
  std::vector<std::string> names;
  for (const auto& [name, one] : catalogue.capabilities)
    if (one.category == category && !one.hidden && !one.always && one.requires_all.size() + one.conflicts.size() > 0)
      names.push_back(name);
  std::cout << "  0  " << none << "\n";
  for (std::size_t at = 0; at < names.size(); ++at)
    std::cout << "  " << at + 1 << "  " << names[at] << ": " << catalogue.find(names[at])->title << "\n";
  for (;;) {
    const auto typed = answer("Number [0]: ");
    if (!typed) return false;
    if (typed->empty() || *typed == "0") return true;
    for (std::size_t at = 0; at < names.size(); ++at)
      if (*typed == std::to_string(at + 1) || *typed == names[at]) {
        chosen.push_back(names[at]);
        return true;
      }
    complain("that is none of these: type a number from 0 to " + std::to_string(names.size()) + ", or a name");
  }
}

bool choose_more(const Catalogue& catalogue, std::vector<std::string>& chosen) {
  std::string listed;
  for (const auto* const one : catalogue.in_order())
    if (!one->hidden && !one->always && !contains(chosen, one->name) && one->category != "brokers" &&
        one->category != "stores")
      listed += (listed.empty() ? "" : " ") + one->name;
  std::cout << "More: " << listed << "\n";
  for (;;) {
    const auto typed = answer("Names, with blanks between, or nothing: ");
    if (!typed) return false;
    std::vector<std::string> names;
    bool fine = true;
    for (std::size_t at = 0; at < typed->size();) {
      const auto end = std::min(typed->find_first_of(" ,", at), typed->size());
      const auto name = typed->substr(at, end - at);
      at = end + 1;
      if (name.empty()) continue;
      const auto* const one = catalogue.find(name);
      if (one == nullptr || one->hidden) {
        complain(unknown_capability(catalogue, name));
        fine = false;
      }
      names.push_back(name);
    }
    if (!fine) continue;
    chosen.insert(chosen.end(), names.begin(), names.end());
    return true;
  }
}

bool ask_all(const Catalogue& catalogue, std::vector<std::string>& chosen) {
  std::cout << "Which broker carries its events?\n";
  if (!choose_one(catalogue, "brokers", "a log in a folder, which services of one machine share", chosen)) return false;
  std::cout << "Which database does it keep its state in?\n";
  if (!choose_one(catalogue, "stores", "none", chosen)) return false;
  for (const auto& [name, question] :
       {std::pair{"outbox", "Are events to leave with the transaction, so that none is lost (outbox)?"},
        std::pair{"inbox", "Are events that come twice to take effect once (inbox)?"},
        std::pair{"docker", "A Dockerfile, and a compose file for its servers (docker)?"},
        std::pair{"ci-github", "A workflow for GitHub Actions (ci-github)?"}}) {
    if (catalogue.find(name) == nullptr) continue;
    const auto wanted = yes(question);
    if (!wanted) return false;
    if (*wanted) chosen.emplace_back(name);
  }
  return choose_more(catalogue, chosen);
}

}  // namespace

bool ask(const Catalogue& catalogue, ScaffoldArguments& arguments) {
  std::cout << "A new service, " << arguments.name << ".\n";
  for (;;) {
    std::vector<std::string> chosen;
    if (!ask_all(catalogue, chosen)) return false;
    std::set<std::string> asked(chosen.begin(), chosen.end());
    for (const auto& [name, one] : catalogue.capabilities)
      if (one.is_default && !contains(arguments.without, name)) asked.insert(name);
    const auto resolution = resolve(catalogue, asked);
    if (!resolution) {
      complain(resolution.error());
      continue;
    }
    std::string all;
    for (const auto& name : resolution->shown(catalogue)) all += " " + name;
    std::cout << "It has" << all << ".\n" << std::flush;
    tell_choice(*resolution, warnings(catalogue, resolution->all, {}));
    const auto agreed = yes("Make it?");
    if (!agreed || !*agreed) return false;
    arguments.with = chosen;
    return true;
  }
}

}  // namespace tidings::cli
