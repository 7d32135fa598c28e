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
      return;
    }
    open_.push_back({&here, pointers_.size(), {}});
    if constexpr (EventTraits<M>::given.redacted.has_any()) mark(EventTraits<M>::given.redacted.names());
    if constexpr (marks_itself<M>()) mark(names_in<M>(M::redacted));
    within_members<M>(std::make_index_sequence<member_count<M>>{});
    auto closed = std::move(open_.back());
    open_.pop_back();
    // What holds itself has its marks anywhere below: there all of it is masked.
    if (pointers_.size() > closed.before) pointers_.insert(pointers_.end(), closed.again.begin(), closed.again.end());
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

/// The header of events of type T, whose payload is JSON; empty: nothing is redacted. Made once.
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

}  // namespace tidings::detail
