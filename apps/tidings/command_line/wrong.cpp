#include <algorithm>
#include <iostream>

#include "command_line/parser.hpp"
#include "output.hpp"
#include "tidings/base/redact.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {

std::vector<std::string> commands_of(const CLI::App& at) {
  std::vector<std::string> names;
  for (const auto* const command : at.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

namespace {

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const auto near = tidings::nearest(word, known);
  return near.empty() ? "" : "; did you mean '" + std::string(near) + "'?";
}

/// What the user may have meant by an option, or a word that has no place.
std::string did_you_mean(const CLI::App& at, const CLI::App& app, std::string_view word) {
  const bool takes_commands = &at == &app || at.get_option_no_throw("TOPIC") == nullptr;
  auto known = takes_commands ? commands_of(at) : std::vector<std::string>{};
  for (const auto* const option : at.get_options())
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  return did_you_mean(word.substr(0, word.find('=')), known);
}

/// `topics create`, of the command that the line came to; `at` is set to it.
std::string command_path(const CLI::App& app, const CLI::App*& at) {
  std::string path;
  for (at = &app; !at->get_subcommands().empty(); path += (path.empty() ? "" : " ") + at->get_name())
    at = at->get_subcommands().front();
  return path;
}

}  // namespace

int wrong(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* chosen = nullptr;
  const auto path = command_path(app, chosen);
  const CLI::App& at = *chosen;
  std::string line = error.what();
  const auto of_command = at.remaining();
  const auto rest = of_command.empty() ? app.remaining() : of_command;
  // The word before a command of a command is taken for its topic: 'topics orders create', 'topics creat orders'.
  const auto* const parent = at.get_parent();
  const auto* const topic = at.get_option_no_throw("TOPIC");
  const auto* const before = parent == nullptr ? nullptr : parent->get_option_no_throw("TOPIC");
  const bool has_commands = !path.empty() && !commands_of(at).empty();
  if (before != nullptr && before->count() > 0) {
    line = "'" + before->as<std::string>() + "' stands before " + at.get_name() + "; write: tidings " + path + " " +
           before->as<std::string>();
  } else if (!rest.empty()) {
    // CLI11 gives what it does not know from the end.
    const auto option = std::ranges::find_if(rest, [](const std::string& word) { return word.starts_with('-'); });
    const auto& given = option == rest.end() ? rest.front() : *option;
    // A URL that stands where none belongs may have a password.
    const auto word = given.contains("://") ? redacted(given) : given;
    const auto taken =
        has_commands && topic != nullptr && topic->count() > 0 ? topic->as<std::string>() : std::string();
    const bool is_option = word.starts_with('-');
    if (const auto meant = is_option ? std::string() : did_you_mean(taken, commands_of(at)); !meant.empty())
      line = "'" + taken + "' is no command of " + path + meant;
    else
      line = "'" + word + "' is no " +
             (is_option                                            ? "option"
              : path.empty() || (has_commands && topic == nullptr) ? "command"
                                                                   : "argument") +
             (path.empty() ? " here" : " of " + path) + did_you_mean(at, app, word);
  } else if (path.empty()) {
    std::cerr << app.help();
    return wrong_usage;
  }
  if (error.get_name() == "ExcludesError") line += "; give one of the two";
  complain(line);
  complain("see: tidings " + (path.empty() ? "" : path + " ") + "--help");
  return wrong_usage;
}

}  // namespace tidings::cli
