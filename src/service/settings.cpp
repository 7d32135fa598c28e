#include "service/settings.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <filesystem>

#include "service/words.hpp"
#include "tidings/base/text.hpp"

namespace tidings::service {

namespace {

constexpr std::string_view environment_prefix = "TIDINGS_";
/// Variables of Tidings' that are no settings of a service.
constexpr std::array<std::string_view, 1> other_variables{"TIDINGS_ALLOW_MISSING_SERVERS"};

constexpr std::string_view handlers = "handlers.";

/// `handlers.NAME.rest` as NAME and `handlers.*.rest`; handler names have no dot.
struct HandlerPath {
  std::string_view name;
  std::string pattern;
};
std::optional<HandlerPath> handler_path(std::string_view path) {
  if (!path.starts_with(handlers)) return std::nullopt;
  const auto rest = path.substr(handlers.size());
  const auto dot = rest.find('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  return HandlerPath{rest.substr(0, dot), std::string(handlers) + "*" + std::string(rest.substr(dot))};
}

std::string flag_name(std::string_view path) {
  return normal_path(path);
}

std::string variable_name(std::string_view path) {
  std::string name(environment_prefix);
  for (const char letter : path) {
    if (letter == '.')
      name += "__";
    else if (letter == '-')
      name += '_';
    else
      name += letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
  }
  return name;
}

std::string path_of_variable(std::string_view name) {
  std::string path;
  for (std::size_t at = 0; at < name.size(); ++at) {
    if (name.substr(at).starts_with("__")) {
      path += '.';
      ++at;
    } else {
      path += name[at];
    }
  }
  return normal_path(path);
}

}  // namespace

Result<Settings> Settings::make(std::string service, std::span<const Setting> own) {
  Settings settings;
  settings.service_ = std::move(service);
  settings.knobs_.assign(own_knobs().begin(), own_knobs().end());
  for (const auto& setting : own) {
    const auto path = normal_path(setting.name);
    if (settings.knob(path) != nullptr || path == "config" || path == "describe" || path == "rebuild" ||
        path == "anew" || path == "help" || path == "set" || path == "version" || path.starts_with(handlers))
      return Error{"invalid_setting", "the service's own setting '" + setting.name + "' has a name that is taken"};
    settings.knobs_.push_back({.path = setting.name,
                               .kind = Knob::Kind::text,
                               .fallback = setting.fallback,
                               .help = setting.help,
                               .own = true,
                               .secret = setting.secret});
  }
  return settings;
}

Result<Settings> Settings::read(std::string service, std::span<const Setting> own,
                                std::span<const char* const> arguments, const char* const* environment) {
  auto settings = make(std::move(service), own);
  if (!settings) return settings;
  auto flags = *settings;  // the file that they name is read before them
  if (auto read = flags.read_flags(arguments); !read) return read.error();
  if (flags.help_) {
    settings->help_ = true;
    return settings;
  }
  if (auto read = settings->read_file(flags.file_); !read) return read.error();
  if (auto read = settings->read_environment(environment); !read) return read.error();
  if (auto read = settings->read_flags(arguments); !read) return read.error();
  return settings;
}

Result<> Settings::read_file(const std::optional<std::string>& path) {
  const auto name = path.value_or(service_ + ".toml");
  std::error_code problem;
  if (!path && !std::filesystem::exists(name, problem)) return {};
  auto read = read_toml(name);
  if (!read) return read.error();
  file_ = name;
  for (auto& given : *read)
    if (auto done = set(std::move(given)); !done) return done;
  return {};
}

Result<> Settings::read_environment(const char* const* environment) {
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry(*environment);
    const auto name = entry.substr(0, entry.find('='));
    if (!name.starts_with(environment_prefix)) continue;
    if (std::ranges::find(other_variables, name) != other_variables.end()) continue;
    const auto path = path_of_variable(name.substr(environment_prefix.size()));
    if (knob(path) == nullptr) {
      std::vector<std::string> variables;
      for (const auto& known_path : known()) variables.push_back(variable_name(known_path));
      return unknown("environment variable", name, "", variables);
    }
    const auto value = name.size() < entry.size() ? entry.substr(name.size() + 1) : std::string_view{};
    if (auto done = set({.path = path, .text = std::string(value), .where = std::string(name)}); !done) return done;
  }
  return {};
}

Result<> Settings::read_flags(std::span<const char* const> arguments) {
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    const std::string_view argument(arguments[at]);
    if (argument == "--help" || argument == "-h") {
      help_ = true;
      continue;
    }
    if (argument == "--describe" || argument == "--describe=json" || argument == "--describe=mermaid") {
      describe_ = true;
      diagrams_ = argument == "--describe=mermaid";
      continue;
    }
    if (argument.starts_with("--describe="))
      return Error{"invalid_setting",
                   "--describe: '" + printable(argument.substr(11)) + "' is none of json and mermaid"};
    if (argument == "--anew") {
      anew_ = true;
      continue;
    }
    if (!argument.starts_with("--") || argument.size() == 2)
      return Error{"invalid_setting", "'" + printable(argument) + "' is no flag; see --help"};
    const auto equals = argument.find('=');
    const auto name = argument.substr(2, equals == std::string_view::npos ? equals : equals - 2);
    const auto* known_knob = handler_path(name) ? nullptr : knob(normal_path(name));
    if (name != "config" && name != "set" && name != "rebuild" &&
        (known_knob == nullptr || normal_path(name) != name)) {
      std::vector<std::string> flags{"--config", "--set", "--describe", "--rebuild", "--help"};
      for (const auto& known_flag : knobs_)
        if (!known_flag.path.starts_with(handlers)) flags.push_back("--" + flag_name(known_flag.path));
      return unknown("flag", "--" + std::string(name), "", flags);
    }
    std::string value;
    if (equals != std::string_view::npos) {
      value = argument.substr(equals + 1);
    } else if (at + 1 < arguments.size()) {
      value = arguments[++at];
    } else {
      return Error{"invalid_setting", "--" + std::string(name) + " wants a value"};
    }
    if (name == "config") {
      file_ = value;
      continue;
    }
    if (name == "rebuild") {
      rebuild_ = value;
      continue;
    }
    Given given{.path = std::string(name), .text = value, .where = "--" + std::string(name)};
    if (name == "set") {
      const auto split = value.find('=');
      if (split == std::string::npos || split == 0)
        return Error{"invalid_setting", "--set wants NAME=VALUE, such as handlers.reserve-stock.concurrency=8; not '" +
                                            printable(value) + "'"};
      given.path = value.substr(0, split);
      given.text = value.substr(split + 1);
      given.where = "--set";
    }
    if (auto done = set(std::move(given)); !done) return done;
  }
  if (anew_ && !rebuild_) return Error{"invalid_setting", "--anew is of --rebuild NAME, and stands beside it"};
  return {};
}

Result<> Settings::set(Given given) {
  const auto* what = knob(normal_path(given.path));
  if (what == nullptr) return unknown("setting", given.path, given.where, known());
  const bool is_hidden = what->secret || what->path.starts_with("encryption.");  // a key, in the wrong place
  const auto shown = is_hidden ? std::string("what is given") : "'" + printable(without_password(given.text)) + "'";
  const auto& name = what->path.starts_with(handlers) ? given.path : what->path;
  const auto refuse = [&](const std::string& instead) {
    return Error{"invalid_setting", given.where + ": " + name + " must be " + what->wanted() + ", not " + instead};
  };
  if (!given.from_text) {
    using Kind = Knob::Kind;
    const bool number = what->kind == Kind::whole;
    const bool truth = what->kind == Kind::boolean;
    if (given.type == Given::Type::other) return refuse("a table, a list, a fraction or a date");
    if (!what->own && number && given.type == Given::Type::text) return refuse("the text " + shown);
    if (!what->own && truth && given.type != Given::Type::boolean) return refuse(shown);
    if (!what->own && !number && what->kind != Kind::start && given.type == Given::Type::whole)
      return refuse("the number " + given.text);
    if (!what->own && !truth && given.type == Given::Type::boolean) return refuse(given.text);
  }
  if (!what->check(given.text)) return refuse(shown);
  given.path = normal_path(given.path);
  std::erase_if(given_, [&](const Given& earlier) { return earlier.path == given.path; });
  given_.push_back(std::move(given));
  return {};
}

const Knob* Settings::knob(std::string_view path) const {
  const auto handler = handler_path(path);
  const auto wanted = handler ? std::string_view(handler->pattern) : path;
  for (const auto& known_knob : knobs_)
    if (same_path(known_knob.path, wanted) && (handler.has_value() || !known_knob.path.starts_with(handlers)))
      return &known_knob;
  return nullptr;
}

const Given* Settings::find(std::string_view path) const {
  const auto normal = normal_path(path);
  for (const auto& given : given_)
    if (given.path == normal) return &given;
  return nullptr;
}

std::vector<std::string> Settings::known() const {
  std::vector<std::string> paths;
  paths.reserve(knobs_.size());
  for (const auto& one : knobs_) paths.push_back(one.path);
  return paths;
}

Error Settings::unknown(std::string_view what, std::string_view name, const std::string& where,
                        std::span<const std::string> known_names) const {
  // Handlers' settings are compared under the handler that was meant.
  std::vector<std::string> candidates(known_names.begin(), known_names.end());
  if (const auto handler = handler_path(name)) {
    for (auto& candidate : candidates)
      if (const auto star = candidate.find(".*."); star != std::string::npos)
        candidate.replace(star + 1, 1, handler->name);
  }
  std::string advice = "; see --help";
  if (constexpr std::string_view singular = "handler."; name.starts_with(singular)) {
    advice = "; did you mean 'handlers." + printable(name.substr(singular.size())) + "'?";
  } else if (const auto near = nearest(name, candidates); !near.empty()) {
    advice = "; did you mean '" + std::string(near) + "'?";
  } else if (what == "handler" && !known_names.empty()) {
    advice = "; the handlers are ";
    for (const auto& one : known_names) advice += (&one == known_names.data() ? "" : ", ") + one;
  }
  return {"invalid_setting", (where.empty() ? "" : where + ": ") + "there is no " + std::string(what) + " '" +
                                 printable(name) + "'" + advice};
}

bool Settings::known(std::string_view path) const {
  return knob(normal_path(path)) != nullptr;
}

std::string_view Settings::text(std::string_view path) const {
  if (const auto* given = find(path)) return given->text;
  const auto* what = knob(normal_path(path));
  return what == nullptr ? std::string_view{} : std::string_view(what->fallback);
}

Duration Settings::duration(std::string_view path) const {
  const auto parsed = parse_duration(text(path));
  assert(parsed.has_value());  // it was checked as it was set
  return *parsed;
}

std::size_t Settings::whole(std::string_view path) const {
  const auto value = text(path);
  std::size_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

HandlerOptions Settings::handler(std::string_view name, HandlerOptions options) const {
  const auto prefix = std::string(handlers) + std::string(name) + ".";
  const auto count = [&](std::string_view rest, auto& into) {
    const auto path = prefix + std::string(rest);
    if (given(path)) into = static_cast<std::remove_reference_t<decltype(into)>>(whole(path));
  };
  const auto time = [&](std::string_view rest, Duration& into) {
    const auto path = prefix + std::string(rest);
    if (given(path)) into = duration(path);
  };
  if (given("lanes")) options.concurrency = whole("lanes");
  count("concurrency", options.concurrency);
  count("in_flight_max", options.in_flight_max);
  count("batch_max", options.batch_max);
  time("settle_within", options.settle_within);
  if (const auto path = prefix + "after_parked"; given(path))
    options.after_parked = text(path) == "go_on" ? AfterParked::go_on : AfterParked::wait;
  count("retry.immediate", options.retry.immediate);
  count("retry.delayed", options.retry.delayed);
  time("retry.first", options.retry.first);
  time("retry.longest", options.retry.longest);
  time("batch_wait", options.batch_wait);
  time("deadline", options.deadline);
  count("rate.events", options.rate.events);
  time("rate.per", options.rate.per);
  count("rate.burst", options.rate.burst);
  count("breaker.window", options.breaker.window);
  time("breaker.pause", options.breaker.pause);
  time("breaker.longest", options.breaker.longest);
  if (given(prefix + "breaker.percent"))
    options.breaker.share = static_cast<double>(whole(prefix + "breaker.percent")) / 100;
  if (given(prefix + "unknown_types"))
    options.unknown_types = text(prefix + "unknown_types") == "park" ? UnknownType::park : UnknownType::ignore;
  if (given(prefix + "retry.jitter")) {
    const auto jitter = text(prefix + "retry.jitter");
    options.retry.jitter = jitter == "none" ? Jitter::none : jitter == "equal" ? Jitter::equal : Jitter::full;
  }
  if (given(prefix + "retry.never")) options.retry.never = words(text(prefix + "retry.never"));
  if (given(prefix + "retry.also")) options.retry.also = words(text(prefix + "retry.also"));
  if (given(prefix + "start")) options.start = *parse_start(text(prefix + "start"));
  return options;
}

Result<> Settings::check_handlers(std::span<const std::string> names) const {
  for (const auto& given : given_) {
    const auto handler = handler_path(given.path);
    if (!handler) continue;
    const auto found = std::ranges::find_if(names, [&](const auto& name) { return same_path(name, handler->name); });
    if (found != names.end()) continue;
    return unknown("handler", handler->name, given.where, names);
  }
  return {};
}

std::string Settings::help_text() const {
  std::string out =
      "Usage: " + service_ + " [FLAG…]\n\n" + "Settings come from " + service_ +
      ".toml (or --config FILE), then from the environment, then from " + "flags;\nthe later wins.\n\n" +
      "  --config FILE  instead of " + service_ + ".toml in the current folder\n" +
      "  --set NAME=VALUE  any setting, also of a handler\n" +
      "  --describe  prints what the service is made of, as JSON, and runs nothing;\n"
      "      --describe=mermaid prints its sagas as diagrams\n" +
      "  --rebuild NAME  makes a projection anew from the first event, while what there is serves; --anew "
      "beside it\n      does not go on with one that was broken off\n" +
      "  --help  this text\n\n";
  const auto line = [&](const Knob& one, const std::string& flag) {
    out += "  " + flag + "\n      " + one.help + " (" + one.wanted() + ")\n      file: " + one.path +
           "  environment: " + variable_name(one.path) + "\n";
    const auto* set = find(one.path);
    if (one.secret)
      out += set != nullptr ? "      set by " + set->where + "\n" : "";
    else
      out += "      default: " + (one.fallback.empty() ? std::string("none") : without_password(one.fallback)) + "\n";
  };
  for (const auto& one : knobs_)
    if (!one.own && !one.path.starts_with(handlers)) line(one, "--" + flag_name(one.path));
  bool any_own = false;
  for (const auto& one : knobs_) {
    if (!one.own) continue;
    if (!any_own) out += "\nOf this service:\n";
    any_own = true;
    line(one, "--" + flag_name(one.path));
  }
  out += "\nOf a handler, in place of *:\n";
  for (const auto& one : knobs_)
    if (one.path.starts_with(handlers)) line(one, "--set " + one.path + "=VALUE");
  return out;
}

}  // namespace tidings::service
