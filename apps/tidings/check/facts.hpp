#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "check/code.hpp"

// What a project does with Tidings: its events, who handles them, who publishes them.
namespace tidings::check {

/// A struct that is an event, and what its traits say. What traits say in another way than by literals is not known.
struct Event {
  In<Struct> type;
  std::string name;  ///< on the wire
  std::string topic;
  std::string key;  ///< as it is written; empty: none
  std::uint32_t version = 1;
  bool has_traits = false;
  bool is_sensitive = false;  ///< `.encrypted`, or something is `.redacted`
  bool is_known = true;       ///< nothing stands in its traits that is not understood
};

enum class HandlerKind : std::uint8_t { service, bus, queued };

struct Handler {
  HandlerKind kind = HandlerKind::service;
  std::string name;
  const File* file = nullptr;
  const Call* call = nullptr;
  std::vector<Type> events;
  bool takes_any = false;           ///< `on_any`, `AnyEvent`
  std::vector<std::string> topics;  ///< of `on_any`
  bool topics_known = true;
  In<Function> function;  ///< what is called; none where nobody knows
  bool has_transaction = false;
  bool takes_batch = false;
  std::optional<Range> options;  ///< what is given as such: `option_of` says what they are
};

enum class Through : std::uint8_t { context, service, bus, broker, publisher, outbox, aggregate };

struct Publication {
  const File* file = nullptr;
  const Call* call = nullptr;
  Through through = Through::context;
  Type event;  ///< empty: nobody knows
};

/// Code that a handler runs: its own, and functions that it calls.
struct Reached {
  const File* file = nullptr;
  const Function* function = nullptr;
  Range body;
  bool through_lambda = false;  ///< a lambda calls it, which may run anywhere: on a thread, or later
};

/// A function that surely runs in a handler.
struct Run {
  In<Function> function;
  std::vector<std::pair<std::size_t, std::uint32_t>> calls;  ///< which of the others call it, and where in them
};

struct Facts {
  explicit Facts(const Code& code);

  const Code* code;
  std::vector<Handler> handlers;
  std::vector<Publication> publications;         ///< in the order of files, and of calls
  std::vector<Event> events;                     ///< with traits of their own
  std::set<std::string, std::less<>> saga_sent;  ///< types that sagas send
  std::set<std::string, std::less<>> saga_taken;
  std::set<std::string, std::less<>> asked;  ///< types of `request`
  bool has_store = false;

  /// What the call publishes; null: nothing.
  [[nodiscard]] const Publication* publication_of(const File& file, const Call& call) const;
  [[nodiscard]] std::span<const Publication> publications_in(const File& file, Range range) const;
  /// Also of one without traits.
  [[nodiscard]] std::optional<Event> event_of(const Type& type) const;
  /// Functions that are called by name count, three calls deep, where it is certain which they are.
  [[nodiscard]] std::vector<Reached> reached(const Handler& handler) const;
  /// Of these what surely runs in the handler itself: lambdas count where they are called, or given to `std::visit`.
  /// The first is the handler's own.
  [[nodiscard]] std::vector<Run> runs(const Handler& handler) const;
  /// What `std::visit`, `invoke`, `apply` or `for_each` calls; none where that is not certain.
  [[nodiscard]] In<Function> called_at_once(const File& file, const Call& call) const;

 private:
  void find_macros();
  void find_events();
  void find_handlers(const File& file, const Call& call);
  void find_publications(const File& file, const Call& call);
  void find_sagas(const File& file, const Call& call);
  /// The function that an expression is, or holds; `bound`: so many of its parameters are given already.
  [[nodiscard]] In<Function> callable(const File& file, Range range, std::size_t* bound = nullptr, int depth = 0) const;
  /// Whether a function that is given to a call is one for events that have traits in the project.
  [[nodiscard]] bool takes_event(const File& file, const Call& call, Range handler) const;
  void resolve_handler(Handler& handler, const std::vector<Range>& args, std::size_t at);
  [[nodiscard]] Event read_event(In<Struct> type) const;

  std::unordered_map<const File*, Range> published_;  ///< which of `publications` stand there
  std::set<std::string_view> given_to_macros_;        ///< words in `MACRO(…)` at the level of namespaces
};

}  // namespace tidings::check
