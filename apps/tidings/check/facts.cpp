#include "check/facts.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace tidings::check {

namespace {

constexpr int calls_deep_max = 3;
constexpr std::size_t reached_max = 200;

bool is_batch(std::string_view name) {
  return name == "Batch";
}

/// The template arguments of the last word of a type.
Range templates_of(const File& file, Range type) {
  for (auto at = type.begin; at < type.end; ++at) {
    if (!Code::is(file, at, "<")) continue;
    const auto behind = behind_angles(file.tokens(), file.structure.match, at, type.end);
    if (behind != none) return {at + 1, behind - 1};
  }
  return {};
}

std::string_view first_literal(const File& file, Range range) {
  for (auto at = range.begin; at < range.end; ++at)
    if (file.tokens()[at].kind == TokenKind::text) return literal_text(file.tokens()[at]);
  return {};
}

bool is_literal(const File& file, Range range) {
  return range.end == range.begin + 1 && file.tokens()[range.begin].kind == TokenKind::text;
}

/// `&Class::member` names a function.
bool names_member(const File& file, Range range, std::string_view& of, std::string_view& name) {
  if (range.end - range.begin < 4 || !Code::is(file, range.begin, "&") || !Code::is(file, range.end - 2, "::"))
    return false;
  of = Code::text(file, range.end - 3);
  name = Code::text(file, range.end - 1);
  return true;
}

/// Whether something stands among the members that is no member: a macro, of which nobody knows what it brings.
bool has_macro(const File& file, const Struct& of) {
  const auto& tokens = file.tokens();
  const auto line = [&](std::uint32_t at) { return at < tokens.size() ? tokens[at].line : file.source.lines; };
  for (const auto& one : file.source.includes)
    if (one.line > tokens[of.at].line && one.line < line(of.body.end)) return true;
  bool begins = true;
  for (auto at = of.body.begin; at < of.body.end; ++at) {
    const bool began = std::exchange(begins, false);
    const auto& token = tokens[at];
    if (token.is("(") || token.is("[") || token.is("{"))
      if (file.structure.match[at] != none && file.structure.match[at] > at) at = file.structure.match[at];
    const bool is_access = Code::is(file, at, ":") && at > 0 && is_keyword(tokens[at - 1].text);
    if (Code::is(file, at, ";") || Code::is(file, at, "}") || is_access) begins = true;
    if (!began || !token.is_identifier() || is_keyword(token.text)) continue;
    if (at + 1 >= of.body.end || Code::is(file, at + 1, ";")) return true;
    const auto& next = tokens[at + 1];
    if (next.is("(") && token.text != of.name) return true;
    if (!next.is_identifier() || next.is("const") || next.is("volatile") || next.is("operator")) continue;
    // `MACRO int n;`, `MACRO std::string text;`, but not `Money total;`
    if (is_keyword(next.text) || Code::is(file, at + 2, "::") || Code::is(file, at + 2, "<") ||
        (at + 2 < of.body.end && tokens[at + 2].is_identifier()))
      return true;
  }
  return false;
}

}  // namespace

Facts::Facts(const Code& of) : code(&of) {
  if (!of.project().uses_tidings) return;
  find_macros();
  find_events();
  for (const auto& file : of.project().files) {
    const auto first = static_cast<std::uint32_t>(publications.size());
    for (const auto& call : file->structure.calls) {
      find_handlers(*file, call);
      find_publications(*file, call);
      find_sagas(*file, call);
      const auto name = Code::text(*file, call.name);
      has_store = has_store || name == "open_store" || name == "apply_schema";
    }
    published_[file.get()] = {first, static_cast<std::uint32_t>(publications.size())};
  }
  for (const auto& one : handlers) has_store = has_store || one.has_transaction;
}

// ---- events

void Facts::find_macros() {
  for (const auto& file : code->project().files)
    for (const auto& one : file->structure.functions) {
      if (one.is_lambda || !one.of.empty() || !one.returns.empty() || !Code::is(*file, one.at + 1, "(")) continue;
      for (auto at = one.at + 1; at < file->tokens().size() && at < file->structure.match[one.at + 1]; ++at)
        if (file->tokens()[at].is_identifier()) given_to_macros_.insert(file->tokens()[at].text);
    }
}

void Facts::find_events() {
  for (const auto& file : code->project().files) {
    if (file->is_test) continue;
    for (const auto& one : file->structure.structs) {
      if (one.is_local || one.is_template || one.name.empty()) continue;
      for (const auto& member : one.members)
        if (member.is_static && member.name == "event") {
          events.push_back(read_event({file.get(), &one}));
          break;
        }
    }
  }
}

Event Facts::read_event(In<Struct> type) const {
  Event out;
  out.type = type;
  const auto& file = *type.file;
  auto dots = type->scope + (type->scope.empty() ? "" : "::") + std::string(type->name);
  for (std::size_t at = dots.find("::"); at != std::string::npos; at = dots.find("::", at)) dots.replace(at, 2, ".");
  out.name = dots;
  // Of bases nobody knows what they bring, and a specialisation of event_traits may stand elsewhere.
  if (!type->bases.empty() || type->is_template) out.is_known = false;
  for (const auto& member : type->members) {
    if (!member.is_static || member.name != "event") continue;
    out.has_traits = true;
    if (!Code::has_word(file, member.type, "traits") || !Code::is(file, member.value.begin, "{")) {
      out.is_known = out.is_known && member.value.empty() && Code::has_word(file, member.type, "traits");
      continue;
    }
    for (const auto part : split(file.tokens(), file.structure.match, {member.value.begin + 1, member.value.end - 1})) {
      if (part.empty()) continue;
      if (!Code::is(file, part.begin, ".") || part.end - part.begin < 3) {
        out.is_known = false;
        continue;
      }
      const auto key = Code::text(file, part.begin + 1);
      Range value{part.begin + 2, part.end};
      if (Code::is(file, value.begin, "=")) ++value.begin;
      if (key == "name" && is_literal(file, value))
        out.name = literal_text(file.tokens()[value.begin]);
      else if (key == "topic" && is_literal(file, value))
        out.topic = literal_text(file.tokens()[value.begin]);
      else if (key == "key")
        out.key = Code::spelled(file, value);
      else if (key == "encrypted" || key == "redacted")
        out.is_sensitive = out.is_sensitive || Code::spelled(file, value) != "false";
      else if (key == "version" && value.end == value.begin + 1) {
        const auto text = Code::text(file, value.begin);
        if (std::from_chars(text.data(), text.data() + text.size(), out.version).ec != std::errc{})
          out.is_known = false;
      } else if (key == "name" || key == "topic" || key == "version") {
        out.is_known = false;
      }
    }
  }
  if (!out.has_traits && (has_macro(file, *type) || given_to_macros_.contains(type->name))) out.is_known = false;
  if (out.topic.empty()) out.topic = out.name;
  return out;
}

std::optional<Event> Facts::event_of(const Type& type) const {
  const auto found = code->struct_of(type);
  if (!found) return std::nullopt;
  auto event = read_event(found);
  if (!event.has_traits)
    for (const auto& one : code->structs_named("event_traits"))
      if (one->is_template) event.is_known = false;
  return event;
}

// ---- handlers

void Facts::find_handlers(const File& file, const Call& call) {
  const auto name = Code::text(file, call.name);
  const bool is_on = name == "on" || name == "on_any";
  const bool is_subscribe = name == "subscribe" || name == "subscribe_queued";
  if ((!is_on && !is_subscribe) || !Code::has_receiver(file, call)) return;
  const auto args = Code::arguments(file, call);
  const auto of = code->receiver(file, call);
  Handler made;
  made.file = &file;
  made.call = &call;
  std::size_t at = 0;
  if (is_on) {
    const std::size_t least = name == "on" ? 3 : 4;
    if (args.size() < least || args[0].empty() || args[least - 1].empty()) return;
    const auto options = args[least - 2];
    // What it is called on need not be known, where it looks like nothing else; what is known to be another is none.
    if (!code->is_of_tidings(of, "Service")) {
      const auto* const within = Code::function_at(file, call.name, false);
      const bool may_be_any =
          within != nullptr && within->is_template && of.qualifier.empty() && code->structs_named(of.name).empty();
      const bool looks_so = Code::is(file, options.begin, "{") || Code::has_word(file, options, "HandlerOptions");
      const bool is_so = is_literal(file, args[0]) && !of && looks_so;
      if (!is_so && ((of && !may_be_any) || !takes_event(file, call, args[least - 1]))) return;
    }
    if (is_literal(file, args[0])) made.name = first_literal(file, args[0]);
    made.options = options;
    if (name == "on_any") {
      made.takes_any = true;
      for (auto i = args[1].begin; i < args[1].end; ++i) {
        const auto& token = file.tokens()[i];
        if (token.kind == TokenKind::text)
          made.topics.emplace_back(literal_text(token));
        else if (token.is_identifier())
          made.topics_known = false;
      }
    }
    at = least - 1;
  } else {
    if (!code->is_of_tidings(of, "Bus")) return;
    made.kind = name == "subscribe" ? HandlerKind::bus : HandlerKind::queued;
    at = args.size() > 1 && Code::is(file, args[0].begin, "{") ? 1 : 0;
    if (at == 1) made.options = args[0], made.name = first_literal(file, args[0]);
    if (args.size() <= at) return;
  }
  for (const auto part : split(file.tokens(), file.structure.match, call.templates))
    if (!part.empty()) made.events.push_back(code->type_of(file, part));
  resolve_handler(made, args, at);
  handlers.push_back(std::move(made));
}

In<Function> Facts::callable(const File& file, Range range, std::size_t* bound, int depth) const {
  if (range.empty() || depth > calls_deep_max) return {};
  if (Code::is(file, range.begin, "[")) return {&file, Code::lambda_at(file, range.begin)};
  std::string_view of, name;
  if (names_member(file, range, of, name)) {
    // Of a class that is seen here, and is the only one of its name.
    return code->struct_of({.name = of, .file = &file}) ? code->function_named(of, name) : In<Function>{};
  }
  if (Code::is(file, range.begin, "&") && range.end == range.begin + 2) ++range.begin;
  if (range.end == range.begin + 1 && file.tokens()[range.begin].is_identifier()) {
    const File* where = nullptr;
    const auto* const held = code->variable(file, Code::text(file, range.begin), range.begin, &where);
    if (held == nullptr) return code->function_named({}, Code::text(file, range.begin));
    const bool is_made_here = Code::has_word(*where, held->type, "auto") && !held->value.empty();
    if (is_made_here) return callable(*where, held->value, bound, depth + 1);
  }
  for (const auto& call : Code::calls(file, range)) {
    if (call.close + 1 != range.end || Code::operand_begin(file, call) != range.begin) continue;
    const auto made_by = Code::text(file, call.name);
    const auto args = Code::arguments(file, call);
    if ((made_by == "move" || made_by == "ref" || made_by == "cref" || made_by == "forward") && args.size() == 1)
      return callable(file, args[0], bound, depth + 1);
    if ((made_by != "bind_front" && made_by != "bind") || Code::qualifier(file, call) != "std") continue;
    // Of a member function what is bound first is the object.
    const std::size_t object = names_member(file, args[0], of, name) ? 1 : 0;
    auto count = args.size() - 1;
    if (made_by == "bind") {
      const auto is_first = [&](Range one) { return !one.empty() && Code::text(file, one.end - 1) == "_1"; };
      const auto first = std::ranges::find_if(args, is_first);
      if (first == args.end()) return {};
      count = static_cast<std::size_t>(first - args.begin()) - 1;
    }
    if (count < object) return {};
    if (bound != nullptr) *bound += count - object;
    return callable(file, args[0], bound, depth + 1);
  }
  return code->call_operator(code->struct_of(code->type_of_expression(file, range)));
}

In<Function> Facts::called_at_once(const File& file, const Call& call) const {
  if (!Code::calls_at_once(file, call.name)) return {};
  const auto args = Code::arguments(file, call);
  const std::size_t at = Code::text(file, call.name) != "for_each" ? 0
                         : Code::qualifier(file, call) == "ranges" ? 1
                                                                   : 2;
  return args.size() > at ? callable(file, args[at]) : In<Function>{};
}

bool Facts::takes_event(const File& file, const Call& call, Range handler) const {
  std::size_t bound = 0;
  const auto function = callable(file, handler, &bound);
  if (!function || function->parameters.size() <= bound) return false;
  const auto is_event = [&](const File& from, Range type) {
    const auto event = event_of(code->type_of(from, type));
    return event && event->has_traits;
  };
  for (const auto part : split(file.tokens(), file.structure.match, call.templates))
    if (is_event(file, part)) return true;
  const auto& from = *function.file;
  const auto taken = function->parameters[bound].type;
  const auto name = code->type_of(from, taken).name;
  return name == "AnyEvent" || is_event(from, is_batch(name) ? templates_of(from, taken) : taken);
}

void Facts::resolve_handler(Handler& handler, const std::vector<Range>& args, std::size_t at) {
  std::size_t bound = 0;
  handler.function = callable(*handler.file, args[at], &bound);
  if (!handler.function) return;
  const auto& from = *handler.function.file;
  const bool is_named = !handler.events.empty();
  for (std::size_t i = 0; i < handler.function->parameters.size(); ++i) {
    const auto type = code->type_of(from, handler.function->parameters[i].type);
    if (code->is_of_tidings(type, "Transaction")) handler.has_transaction = true;
    if (i == bound && is_batch(type.name)) handler.takes_batch = true;
    if (i != bound || is_named || handler.takes_any) continue;
    if (type.name == "AnyEvent") {
      handler.takes_any = true;
    } else if (is_batch(type.name)) {
      for (const auto part :
           split(from.tokens(), from.structure.match, templates_of(from, handler.function->parameters[i].type)))
        if (!part.empty()) handler.events.push_back(code->type_of(from, part));
    } else if (type.name != "auto" && type) {
      handler.events.push_back(type);
    }
  }
}

// ---- publications

void Facts::find_publications(const File& file, const Call& call) {
  const auto name = Code::text(file, call.name);
  const bool is_publish = name == "publish" || name == "publish_all" || name == "publish_at" ||
                          name == "publish_after" || name == "publish_envelope" || name == "publish_envelopes";
  const bool is_request = name == "request" || name == "reply";
  const bool is_outbox = name == "enqueue" || name == "enqueue_envelope";
  if (!is_publish && !is_request && !is_outbox && name != "raise") return;
  const auto args = Code::arguments(file, call);
  if (args.empty()) return;
  Publication made;
  made.file = &file;
  made.call = &call;
  std::size_t at = 0;
  if (is_outbox) {
    if (Code::has_receiver(file, call) || args.size() < 2) return;
    const auto of = Code::qualifier(file, call);
    const auto space = code->space_named(of);
    if (of != "outbox" && space != "tidings::outbox" &&
        !(of.empty() && code->is_of_tidings(code->type_of_expression(file, args[0]), "Transaction")))
      return;
    made.through = Through::outbox;
    at = 1;
  } else if (name == "raise") {
    if (Code::has_receiver(file, call) || !Code::qualifier(file, call).empty()) return;
    const auto* const here = Code::function_at(file, call.name, false);
    const auto owner = here == nullptr ? In<Struct>{} : code->struct_named(here->of);
    if (!owner || !Code::has_word(*owner.file, owner->bases, "Aggregate")) return;
    made.through = Through::aggregate;
  } else {
    const auto of = code->receiver(file, call);
    if (code->is_of_tidings(of, "Context"))
      made.through = Through::context;
    else if (code->is_of_tidings(of, "Service"))
      made.through = Through::service;
    else if (code->is_of_tidings(of, "Bus"))
      made.through = Through::bus;
    else if (code->is_of_tidings(of, "Broker"))
      made.through = Through::broker;
    else if (code->is_of_tidings(of, "Publisher"))
      made.through = Through::publisher;
    else
      return;
  }
  if (made.through != Through::broker && made.through != Through::publisher && !name.starts_with("publish_envelope") &&
      name != "enqueue_envelope")
    made.event = code->type_of_expression(file, args[at]);
  if (name == "request" && made.event) asked.insert(std::string(made.event.name));
  publications.push_back(made);
}

std::span<const Publication> Facts::publications_in(const File& file, Range range) const {
  const auto here = published_.find(&file);
  if (here == published_.end()) return {};
  const std::span all(publications.data() + here->second.begin, here->second.end - here->second.begin);
  const auto place = [](const Publication& one) { return one.call->name; };
  const auto begin = std::ranges::lower_bound(all, range.begin, {}, place);
  return {begin, std::ranges::lower_bound(all, std::max(range.begin, range.end), {}, place)};
}

const Publication* Facts::publication_of(const File& file, const Call& call) const {
  const auto here = publications_in(file, {call.name, call.name + 1});
  return here.empty() ? nullptr : here.data();
}

// ---- sagas

void Facts::find_sagas(const File& file, const Call& call) {
  const auto name = Code::text(file, call.name);
  const bool sends = name == "send" || name == "undo" || name == "completes" || name == "fails" || name == "remind";
  const bool takes = name == "starts" || name == "done" || name == "failed" || name == "cancels";
  if ((!sends && !takes) || Code::has_receiver(file, call)) return;
  for (const auto part : split(file.tokens(), file.structure.match, call.templates))
    if (takes && !part.empty()) saga_taken.insert(std::string(code->type_of(file, part).name));
  for (const auto arg : Code::arguments(file, call)) {
    std::string_view of, member;
    if (arg.empty() || !names_member(file, arg, of, member)) continue;
    const auto found = code->function_named(of, member);
    if (!found) continue;
    if (takes && !found->parameters.empty())
      saga_taken.insert(std::string(code->type_of(*found.file, found->parameters[0].type).name));
    if (sends) saga_sent.insert(std::string(code->held_type_of(*found.file, found->returns).name));
  }
}

// ---- what handlers reach

std::vector<Reached> Facts::reached(const Handler& handler) const {
  std::vector<Reached> found;
  if (!handler.function || !handler.function->has_body || handler.file->is_test) return found;
  found.push_back({handler.function.file, handler.function.it, handler.function->body, false});
  std::size_t from = 0;
  for (int depth = 0; depth < calls_deep_max; ++depth) {
    const auto end = found.size();
    for (; from < end; ++from) {
      const auto here = found[from];
      for (const auto& call : Code::calls(*here.file, here.body)) {
        auto meant = code->function_of(*here.file, call);
        if (!meant) meant = called_at_once(*here.file, call);
        if (!meant || !meant->has_body || meant.file->is_test || found.size() >= reached_max) continue;
        if (here.body.has(meant->at) && meant.file == here.file) continue;  // a lambda within: it is looked at already
        const bool through_lambda =
            here.through_lambda || Code::function_at(*here.file, call.name, true) != here.function;
        const auto known = std::ranges::find(found, meant.it, &Reached::function);
        if (known == found.end())
          found.push_back({meant.file, meant.it, meant->body, through_lambda});
        else
          known->through_lambda = known->through_lambda && through_lambda;
      }
    }
  }
  return found;
}

std::vector<Run> Facts::runs(const Handler& handler) const {
  std::vector<Run> found;
  if (!handler.function || !handler.function->has_body || handler.file->is_test) return found;
  found.push_back({handler.function, {}});
  std::size_t from = 0;
  for (int depth = 0; depth < calls_deep_max; ++depth) {
    const auto end = found.size();
    for (; from < end; ++from) {
      const auto here = found[from].function;
      for (const auto& call : Code::calls(*here.file, here->body)) {
        if (Code::function_at(*here.file, call.name, true) != here.it) continue;
        auto meant = code->function_of(*here.file, call);
        if (!meant) meant = called_at_once(*here.file, call);
        if (!meant || !meant->has_body || meant.file->is_test || found.size() >= reached_max) continue;
        const auto known = std::ranges::find(found, meant.it, [](const Run& one) { return one.function.it; });
        (known == found.end() ? found.emplace_back(Run{meant, {}}) : *known).calls.emplace_back(from, call.name);
      }
    }
  }
  return found;
}

}  // namespace tidings::check
