#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "service/dead_events.hpp"
#include "service/dead_letter.hpp"

namespace tidings::service {

/// What of one partition's events is parked for a group: which keys are blocked, which events without order stand
/// there, and how far requests are with them. Made by reading the journal from its beginning; its owner then keeps it
/// by what he writes.
///
/// A blocked key takes the same room however many events stand behind its first one: what is parked of a key is the
/// run of all its events from the first parked on, and it is closed from the front.
///
/// Not thread-safe.
class Book {
 public:
  /// A tool's also keeps why events failed again, to be shown.
  explicit Book(bool keeps_reasons = false) : keeps_reasons_(keeps_reasons) {}

  // As the journal is read. What belongs to a hold that is over changes nothing.

  /// Whether it counts, and is not there already.
  bool read(const Letter& letter, std::uint64_t at);
  void read(const DeadTaken& taken, std::string_view id);
  void read(const DeadBegun& begun);
  void read(const DeadClosed& closed);
  void read(const DeadFailed& failed);
  void read(const DeadDone& done);

  [[nodiscard]] const std::string& hold() const { return hold_; }

  // What is parked.

  enum class Standing {
    free,     ///< it may be handled
    parked,   ///< it is parked already, or was and has been handled since
    behind,   ///< something of its key is
    closing,  ///< all of its key has been driven again, but that is not written down yet
  };
  [[nodiscard]] Standing standing(std::uint64_t key, bool has_key, std::uint64_t offset) const;
  /// Where the first parked event of a blocked key stands.
  [[nodiscard]] std::uint64_t first_of(std::uint64_t key) const;
  /// How an event stands there once it is parked: false where it is by itself.
  [[nodiscard]] bool would_block(std::uint64_t key, std::uint64_t offset) const;
  /// By the owner, before it is written. Whether it is new.
  bool park(const DeadPlace& place);
  /// It stands in the journal at `at`.
  void wrote(std::uint64_t at);
  /// Driven again; to be written down as closed.
  void closing(const DeadPlace& place);
  void close(const DeadPlace& place, bool dropped);
  void failed(const DeadPlace& place, std::string_view code, TimePoint time, std::string_view request);
  /// Remembers what becomes of the event at `offset`: a tool's, before the journal is read.
  void watch(std::uint64_t offset) { watched_.try_emplace(offset, DeadLetterEnd::none); }
  [[nodiscard]] DeadLetterEnd end_of(std::uint64_t offset) const {
    const auto found = watched_.find(offset);
    return found == watched_.end() ? DeadLetterEnd::none : found->second;
  }
  /// What the journal no longer has, of the keys that `request` means: counts as dropped. How many.
  std::uint64_t give_up_lost(std::string_view request);

  /// How one failed that was driven again, over what its letter says.
  void tell_failure(Letter& letter) const;

  [[nodiscard]] std::size_t open() const { return static_cast<std::size_t>(parked_ - redriven_ - dropped_); }
  [[nodiscard]] std::size_t blocked_keys() const { return keys_.size(); }
  /// What takes room.
  [[nodiscard]] std::size_t remembered() const { return keys_.size() + singles_.size(); }
  [[nodiscard]] std::uint64_t parked() const { return parked_; }
  [[nodiscard]] std::uint64_t redriven() const { return redriven_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  /// The journal from here on has every open letter.
  [[nodiscard]] std::uint64_t low() const { return low_; }
  /// One past the offset of the last event that is open.
  [[nodiscard]] std::uint64_t last() const { return last_; }

  // Requests.

  struct Request {
    std::string id;
    DeadLetterRequest what;
    int fruitless = 0;  ///< times that it was begun since something was closed
    bool done = false;
    std::string given_up{};
    std::uint64_t redriven = 0, dropped = 0, failed = 0;
  };
  [[nodiscard]] const std::vector<Request>& requests() const { return requests_; }
  [[nodiscard]] Request* request(std::string_view id);

  enum class Verdict { pass, redrive, drop };
  /// Letters are looked at from `low()` on, in the order of the journal.
  void begin_look(std::string_view request);
  /// Whether this one is to be driven again now, or dropped; said once for each. `end`: one past the last letter that
  /// the request means.
  Verdict look(const Letter& letter, std::string_view key, std::uint64_t at, const DeadLetterRequest& what,
               std::uint64_t end);
  /// Keys that the request means, and that are neither free nor failed again.
  [[nodiscard]] std::size_t active() const { return active_; }
  /// Whether one that was to be driven again still is.
  [[nodiscard]] bool may_go_on(const DeadPlace& place) const;

 private:
  enum class State : std::uint8_t { not_looked_at, meant, rest_of_meant, passed, stopped };

  struct Key {
    std::uint64_t first = 0;    // where the run began
    std::uint64_t last = 0;     // its last event
    std::uint64_t through = 0;  // before it all is closed
    std::uint64_t looked = 0;   // before it all has been looked at
    std::uint32_t open = 0;
    std::uint32_t closing = 0;
    std::uint32_t request = 0;  // that `state` is about; 0: none
    State state = State::not_looked_at;
  };
  struct Failure {
    std::uint32_t code = 0;  // of codes_
    std::uint32_t request = 0;
    TimePoint time{};
    std::string reason{};
    int attempts = 0;
  };

  bool counts(std::string_view hold);
  [[nodiscard]] std::uint32_t number_of(std::string_view request) const;
  [[nodiscard]] bool matches(const Letter& letter, std::string_view key, const DeadLetterFilter& filter) const;
  void set_state(Key& key, std::uint32_t request, State state);
  void note_end(std::uint64_t offset, DeadLetterEnd end);
  void note_progress(std::string_view request, std::uint64_t redriven, std::uint64_t dropped);

  bool keeps_reasons_;
  std::string hold_;
  std::unordered_map<std::uint64_t, Key> keys_;
  std::unordered_set<std::uint64_t> singles_;
  std::unordered_set<std::uint64_t> singles_looked_;
  std::unordered_map<std::uint64_t, Failure> failures_;  // of first events that failed again, by offset
  std::unordered_map<std::uint64_t, DeadLetterEnd> watched_;
  std::vector<std::string> codes_;
  std::vector<Request> requests_;
  std::uint32_t looking_ = 0;
  std::size_t active_ = 0;
  std::uint64_t parked_ = 0, redriven_ = 0, dropped_ = 0;
  std::uint64_t low_ = ~std::uint64_t{0};
  std::uint64_t last_ = 0;
};

}  // namespace tidings::service
