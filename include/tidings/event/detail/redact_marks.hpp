#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "tidings/event/detail/json_types.hpp"
#include "tidings/event/redact.hpp"
#include "tidings/event/redacted.hpp"

// What of an event is redacted, by its own marks and those of the classes that it has, as pointers into its JSON.

namespace tidings::detail {

template <class T>
constexpr bool marks_itself() {
  if constexpr (requires { T::redacted; })
    return is_redact<std::remove_cvref_t<decltype(T::redacted)>>;
  else
    return false;
}
/// Whether the class itself says what of it is redacted, in its traits or beside them.
template <class T>
constexpr bool has_own_marks() {
  return EventTraits<T>::given.redacted.has_any() || marks_itself<T>();
}
template <class T, auto... Members>
std::vector<std::string_view> names_in(Redact<Members...>) {
  return names_of_members<T, Members...>();
}

/// Gathers pointers on a walk over types.
class RedactMarks {
 public:
  /// The header of events of type T; empty: nothing is redacted.
  template <class T>
  static std::string header_of() {
    RedactMarks marks;
    marks.within<T>();
    auto& all = marks.pointers_;
    std::ranges::sort(all);
    const auto [first, last] = std::ranges::unique(all);
    all.erase(first, last);
    return all.empty() ? std::string() : redact_header_of(all);
  }

 private:
  struct Open {
    const void* type;
    std::size_t before;              // so many pointers there were
    std::size_t reaches;             // the outermost class that it has within itself, of those that are open
    std::vector<std::string> again;  // where it stands within itself
  };

  template <class F>
  void step(std::string_view name, F&& go_on) {
    const auto size = path_.size();
    path_.append("/").append(name);  // names have neither ~ nor /
    go_on();
    path_.resize(size);
  }

  template <class M>
  void within() {
    if constexpr (is_strong<M>) {
      if constexpr (strong_is_right<M>()) within<StrongValue<M>>();
    } else if constexpr (HasEventData<M>) {
      // What the class marks are none of the members that are written, so that all of it is masked.
      if constexpr (has_own_marks<M>()) pointers_.push_back(path_);
      if constexpr (data_is_right<M>()) within<DataOf<M>>();
    } else if constexpr (is_optional<M> || is_vector<M> || is_array<M>) {
      within<typename M::value_type>();  // an array is no step
    } else if constexpr (is_map<M>) {
      step("*", [&] { within<typename M::mapped_type>(); });
    } else if constexpr (is_variant<M>) {
      step("value", [&] { within_alternatives(std::type_identity<M>{}); });
    } else if constexpr (PlainStruct<M>) {
      within_struct<M>();
    }
  }
  template <class... Ts>
  void within_alternatives(std::type_identity<std::variant<Ts...>>) {
    (within<Ts>(), ...);
  }

  template <class M>
  void within_struct() {
    static constexpr char here = 0;
    if (const auto known = std::ranges::find(open_, static_cast<const void*>(&here), &Open::type);
        known != open_.end()) {
      known->again.push_back(path_);
      reach(static_cast<std::size_t>(known - open_.begin()));
      return;
    }
    open_.push_back({&here, pointers_.size(), open_.size(), {}});
    if constexpr (EventTraits<M>::given.redacted.has_any()) mark(EventTraits<M>::given.redacted.names());
    if constexpr (marks_itself<M>()) mark(names_in<M>(M::redacted));
    within_members<M>(std::make_index_sequence<member_count<M>>{});
    const auto closed = std::move(open_.back());
    open_.pop_back();
    const bool is_within_another = closed.reaches < open_.size();
    // What holds itself has its marks anywhere below: there all of it is masked. Where it has none of its own, those of
    // a class that it is in, and that it holds in turn, may be below all the same: then that one decides.
    if (pointers_.size() > closed.before)
      append(pointers_, closed.again);
    else if (is_within_another)
      append(open_[closed.reaches].again, closed.again);
    if (is_within_another) reach(closed.reaches);
  }
  void reach(std::size_t open) { open_.back().reaches = std::min(open_.back().reaches, open); }
  static void append(std::vector<std::string>& to, const std::vector<std::string>& what) {
    to.insert(to.end(), what.begin(), what.end());
  }
  template <class M, std::size_t... I>
  void within_members(std::index_sequence<I...>) {
    (within_member<M, I>(), ...);
  }
  template <class M, std::size_t I>
  void within_member() {
    step(member_names<M>[I], [this] { this->template within<member_type<M, I>>(); });
  }
  void mark(const std::vector<std::string_view>& names) {
    for (const auto name : names) pointers_.push_back(path_ + "/" + std::string(name));
  }

  std::string path_;
  std::vector<std::string> pointers_;
  std::vector<Open> open_;
};

/// The header of events of type T, whose payload is JSON; empty: nothing is redacted, of it and of what it has. Made
/// once.
template <class T>
const std::string& redact_header_for() {
  if constexpr (looked_traits<T>.flaw == TraitsFlaw::none) {
    static const std::string header = RedactMarks::header_of<T>();
    return header;
  } else {  // what is wrong is said once
    static const std::string none;
    return none;
  }
}

/// Whether errors tell nothing of values of events of type T: they are sealed, or something of them is redacted.
template <class T>
bool is_secret() {
  return is_encrypted<T> || !redact_header_for<T>().empty();
}

}  // namespace tidings::detail
