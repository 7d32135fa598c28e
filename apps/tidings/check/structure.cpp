#include "check/structure.hpp"

#include <algorithm>
#include <utility>

#include "check/parser.hpp"

namespace tidings::check {

Structure find_structure(const Tokens& source) {
  return Parser(source).parse();
}

Structure Parser::parse() {
  work_.push_back({{0, size()}, "", none, false});
  for (;;) {
    if (!work_.empty()) {
      auto next = std::move(work_.back());
      work_.pop_back();
      declarations(next);
    } else if (next_body_ < bodies_.size()) {
      auto next = bodies_[next_body_++];
      body(next);
    } else {
      break;
    }
  }
  std::ranges::sort(out_.calls, {}, &Call::name);
  std::ranges::sort(out_.spaces);
  const auto again = std::ranges::unique(out_.spaces);
  out_.spaces.erase(again.begin(), again.end());
  for (std::uint32_t i = 0; i < out_.functions.size(); ++i) {
    if (out_.functions[i].has_body) out_.bodies.add(out_.functions[i].body, i);
    if (out_.functions[i].is_lambda) out_.lambdas.push_back(i);
  }
  out_.bodies.arrange();
  std::ranges::sort(out_.lambdas, {}, [&](std::uint32_t i) { return out_.functions[i].at; });
  return std::move(out_);
}

std::uint32_t Parser::behind_statement(std::uint32_t at, std::uint32_t end) const {
  for (; at < end; ++at) {
    if (is(at, ";")) return at + 1;
    if (is(at, "(") || is(at, "[") || is(at, "{")) at = matched(at, end);
  }
  return end;
}

std::uint32_t Parser::behind_attributes(std::uint32_t at, std::uint32_t end) const {
  for (;;) {
    if (at + 1 < end && is(at, "[") && is(at + 1, "["))
      at = std::min(matched(at, end) + 1, end);
    else if (at + 1 < end && (is(at, "alignas") || is(at, "__attribute__") || is(at, "__declspec")) && is(at + 1, "("))
      at = std::min(matched(at + 1, end) + 1, end);
    else
      return at;
  }
}

std::uint32_t Parser::behind_requires(std::uint32_t at, std::uint32_t end) const {
  ++at;
  while (at < end) {
    if (is(at, "!")) ++at;
    if (is(at, "requires")) ++at;
    if (is(at, "(")) {
      at = matched(at, end) + 1;
      if (is(at, "{")) at = matched(at, end) + 1;
    } else if (is(at, "{")) {
      at = matched(at, end) + 1;
    } else {
      while (is_name(at) || is(at, "::")) ++at;
      if (is(at, "<")) {
        const auto behind = angles(at, end);
        if (behind == none) return at;
        at = behind;
      }
      while (is(at, "::") || (is_name(at) && is(at - 1, "::"))) ++at;
    }
    if (!is(at, "&&") && !is(at, "||")) return std::min(at, end);
    ++at;
  }
  return end;
}

void Parser::add_parameters(const Function& of) {
  for (const auto& one : of.parameters)
    if (!one.name.empty() && of.has_body)
      out_.variables.push_back(
          {.name = one.name, .at = one.type.end, .type = one.type, .seen = of.body, .place = Place::parameter});
}

std::vector<Parameter> Parser::parameters(Range range) const {
  std::vector<Parameter> found;
  for (auto part : split(tokens_, out_.match, range)) {
    part.begin = behind_attributes(part.begin, part.end);
    auto end = part.begin;
    for (; end < part.end && !is(end, "="); ++end) {
      if (is(end, "(") || is(end, "[") || is(end, "{")) end = matched(end, part.end);
      if (is(end, "<")) {
        const auto behind = angles(end, part.end);
        if (behind != none) end = behind - 1;
      }
    }
    end = std::min(end, part.end);
    const bool has_value = is(end, "=") && end < part.end;
    if (part.begin >= end) continue;
    const bool named = end - part.begin > 1 && is_name(end - 1) && !is(end - 2, "::");
    found.push_back(
        {named ? tokens_[end - 1].text : std::string_view(), {part.begin, named ? end - 1 : end}, has_value});
  }
  return found;
}

}  // namespace tidings::check
