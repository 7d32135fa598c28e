// What tools do with the dead letters of a group: tidings/service/dead_letters.hpp.
#include <algorithm>
#include <map>

#include "service/control_topic.hpp"
#include "service/dead_journal.hpp"
#include "service/delays.hpp"
#include "service/unheld_letters.hpp"
#include "tidings/base/key_hash.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/make_envelope.hpp"
#include "tidings/service/dead_letters.hpp"

namespace tidings {

namespace {

using service::Book;
using service::Letter;

constexpr const char* what_if = "what if";  // a request that is in no journal

bool always() {
  return true;
}

}  // namespace

class DeadLetters::Impl {
 public:
  Impl(Broker& broker, std::string group)
      : broker_(broker), group_(std::move(group)), journal_(dead_letters_of(group_)) {}

  Result<> read() {
    books_.clear();
    if (auto known = look_at_ends(); !known) return known;
    return service::read_through(
        broker_, journal_, 0, ends_, [&](const Delivery& entry) { (void)service::read_entry(entry, group_, find()); },
        always);
  }

  [[nodiscard]] std::vector<DeadLetterCounts> counts() const {
    std::vector<DeadLetterCounts> all;
    for (const auto& [place, book] : books_)
      all.push_back({.topic = place.first,
                     .partition = Partition{place.second},
                     .parked = book.parked(),
                     .redriven = book.redriven(),
                     .dropped = book.dropped(),
                     .blocked_keys = book.blocked_keys()});
    return all;
  }

  Result<> for_each(const DeadLetterRequest& request, const std::function<bool(const DeadLetter&)>& visit);
  Result<std::vector<DeadLetterEnd>> ends_of(const std::vector<DeadLetterPlace>& places,
                                             const std::function<bool()>& goes_on,
                                             const std::function<void(const Delivery&)>& visit);
  Result<std::string> publish(DeadLetterRequest request, std::string_view name_space);
  Result<> leave_out(const DeadLetterRequest& request, std::string_view name_space);
  [[nodiscard]] bool is_meant(std::string_view topic, std::uint32_t partition) const;
  Result<> settle_unheld(const DeadLetterRequest& request, std::string_view name_space);
  Result<> tell_owners(const Envelope& asked, std::string_view name_space);
  Result<DeadLetterProgress> progress();
  Result<bool> is_anybody_there();

 private:
  using Books = std::map<std::pair<std::string, std::uint32_t>, Book, std::less<>>;

  service::FindBook find() {
    return [this](std::string_view topic, std::uint32_t partition) {
      return &books_.try_emplace(std::pair(std::string(topic), partition), true).first->second;
    };
  }
  Result<> look_at_ends() {
    auto info = broker_.topic(journal_);
    if (!info) return info.error();
    ends_.clear();
    for (const auto& one : info->partitions) ends_.push_back(one.end.value);
    return {};
  }

  Broker& broker_;
  const std::string group_;
  const std::string journal_;
  std::vector<std::uint64_t> ends_;
  Books books_;
  std::string asked_;
  std::vector<std::pair<std::string, std::uint32_t>> meant_;  // by what was asked
  std::vector<std::string> left_out_;                         // and what of it nobody can do, and why
  std::unique_ptr<Consumer> following_;
};

/// As the owner will look at them, by the same book.
Result<> DeadLetters::Impl::for_each(const DeadLetterRequest& request,
                                     const std::function<bool(const DeadLetter&)>& visit) {
  auto from = ~std::uint64_t{0};
  auto books = books_;
  for (auto& [place, book] : books) {
    book.read(service::DeadBegun{
        .topic = place.first, .partition = place.second, .hold = book.hold(), .request = what_if, .what = request});
    book.begin_look(what_if);
    from = std::min(from, book.low());
  }
  if (from == ~std::uint64_t{0}) return {};
  bool goes_on = true;
  auto done = service::read_through(
      broker_, journal_, from, ends_,
      [&](const Delivery& entry) {
        if (!goes_on) return;
        auto letter = service::letter_of(entry.envelope, group_);
        if (!letter) return;
        const auto book = books.find(std::pair(std::string(letter->topic), letter->partition));
        if (book == books.end()) return;
        const auto end = ends_[entry.id.partition.value];
        const auto verdict = book->second.look(*letter, entry.envelope.key, entry.id.offset.value, request, end);
        if (verdict == Book::Verdict::pass) return;
        book->second.tell_failure(*letter);
        goes_on = visit({.delivery = entry,
                         .topic = letter->topic,
                         .code = letter->code,
                         .reason = letter->reason,
                         .partition = Partition{letter->partition},
                         .offset = Offset{letter->offset},
                         .attempts = letter->attempts,
                         .parked = letter->time,
                         .blocks = letter->ordered && !letter->hold.empty(),
                         .follows = letter->follows ? std::optional(Offset{*letter->follows}) : std::nullopt});
      },
      [&] { return goes_on; });
  if (!goes_on) return {};
  return done;
}

Result<std::vector<DeadLetterEnd>> DeadLetters::Impl::ends_of(const std::vector<DeadLetterPlace>& places,
                                                              const std::function<bool()>& goes_on,
                                                              const std::function<void(const Delivery&)>& visit) {
  if (auto known = look_at_ends(); !known) return known.error();
  Books books;
  for (const auto& one : places) books[{one.topic, one.partition.value}].watch(one.offset.value);
  const auto find = [&](std::string_view topic, std::uint32_t partition) -> Book* {
    const auto found = books.find(std::pair(std::string(topic), partition));
    return found == books.end() ? nullptr : &found->second;
  };
  auto read = service::read_through(
      broker_, journal_, 0, ends_,
      [&](const Delivery& entry) {
        (void)service::read_entry(entry, group_, find);
        if (visit) visit(entry);
      },
      goes_on);
  if (!read) return read.error();
  std::vector<DeadLetterEnd> out;
  for (const auto& one : places) out.push_back(books[{one.topic, one.partition.value}].end_of(one.offset.value));
  return out;
}

Result<std::string> DeadLetters::Impl::publish(DeadLetterRequest request, std::string_view name_space) {
  request.group = group_;
  request.ends = ends_;
  meant_.clear();
  // Each partition of which anything is meant says when it is done.
  auto listed = for_each(request, [&](const DeadLetter& one) {
    const std::pair place(std::string(one.topic), one.partition.value);
    if (std::ranges::find(meant_, place) == meant_.end()) meant_.push_back(place);
    return true;
  });
  if (!listed) return listed.error();
  if (auto rest = leave_out(request, name_space); !rest) return rest.error();
  auto envelope = make_envelope(service::DeadLettersRequested{request}, {.source = std::string(service::tools_source)});
  if (!envelope) return envelope.error();
  asked_ = envelope->id;
  // From here on: what owners write before this is published has nothing to do with it.
  const auto before = ends_;
  if (auto settled = settle_unheld(request, name_space); !settled) return settled.error();
  if (auto told = tell_owners(*envelope, name_space); !told) return told.error();
  const auto from = before.empty() ? 0 : *std::ranges::min_element(before);
  auto reader = broker_.subscribe(journal_, {.group = "", .start = Start::offset(Offset{from}), .create_topic = false});
  if (!reader) return reader.error();
  following_ = std::move(*reader);
  return asked_;
}

/// Whatever stands in the journal must not keep the rest from being done: letters of a place that is not there, which
/// nobody can have parked, or those that nobody holds beside others that are held. Error `unsupported` where nothing
/// else is meant.
Result<> DeadLetters::Impl::leave_out(const DeadLetterRequest& request, std::string_view name_space) {
  left_out_.clear();
  const bool drives = request.action == DeadLetterRequest::Action::redrive;
  const bool may_go_back = group_ == in_namespace(name_space, service::delays_group);
  const auto holds = [&](const auto& place) { return !books_[place].hold().empty(); };
  const bool any_held = std::ranges::any_of(meant_, holds);
  std::map<std::string, std::size_t> partitions;
  std::vector<std::pair<std::string, std::uint32_t>> rest;
  for (const auto& place : meant_) {
    const auto& [topic, partition] = place;
    const auto name = printable(topic) + "/" + std::to_string(partition);
    if (!holds(place)) {
      if (drives && !may_go_back && any_held)
        left_out_.push_back(name + ": nobody holds what stands there, and it cannot be driven again; drop it");
      else
        rest.push_back(place);
      continue;
    }
    if (!partitions.contains(topic)) {
      const auto there = broker_.topic(topic);
      if (!there && there.error().code != "unknown_topic" && there.error().code != "invalid_name") return there.error();
      partitions[topic] = there ? there->partitions.size() : 0;
    }
    if (partition < partitions[topic])
      rest.push_back(place);
    else
      left_out_.push_back(name + ": there is no such partition, or it is gone, so that nobody can hold it");
  }
  meant_ = std::move(rest);
  if (!meant_.empty() || left_out_.empty()) return {};
  return Error{"unsupported", "nothing of this can be done: " + left_out_.front()};
}

bool DeadLetters::Impl::is_meant(std::string_view topic, std::uint32_t partition) const {
  return std::ranges::any_of(meant_,
                             [&](const auto& place) { return place.first == topic && place.second == partition; });
}

/// Carries out what is asked of what nobody holds: there is no owner to ask, and none who could be in the way.
Result<> DeadLetters::Impl::settle_unheld(const DeadLetterRequest& request, std::string_view name_space) {
  service::UnheldLetters unheld(broker_, journal_, group_, asked_, request, name_space);
  std::optional<Error> problem;
  auto listed = for_each(request, [&](const DeadLetter& one) {
    const auto book = books_.find(std::pair(std::string(one.topic), one.partition.value));
    if (book == books_.end() || !book->second.hold().empty() || !is_meant(one.topic, one.partition.value)) return true;
    if (auto added = unheld.add(one); !added) problem = added.error();
    return !problem;
  });
  if (problem) return *problem;
  return listed ? unheld.finish() : listed;
}

Result<> DeadLetters::Impl::tell_owners(const Envelope& asked, std::string_view name_space) {
  const auto is_held = [&](const auto& place) { return !books_[place].hold().empty(); };
  if (!meant_.empty() && std::ranges::none_of(meant_, is_held)) return {};
  const auto control = in_namespace(name_space, control_topic);
  if (auto made = service::make_control_topic(broker_, control, false); !made) return made;
  auto published = broker_.publish(control, std::array{asked.view()});
  return published ? Result<>{} : published.error();
}

Result<DeadLetterProgress> DeadLetters::Impl::progress() {
  while (following_) {
    auto got = following_->fetch(1000, std::chrono::milliseconds{50});
    if (!got) return got.error();
    if (got->empty()) break;
    for (const auto& entry : *got) {
      const auto partition = entry.id.partition.value;
      if (partition >= ends_.size() || entry.id.offset.value < ends_[partition]) continue;
      ends_[partition] = entry.id.offset.value + 1;
      (void)service::read_entry(entry, group_, find());
    }
  }
  DeadLetterProgress sum;
  sum.partitions = meant_.size();
  sum.given_up = left_out_;
  for (const auto& place : meant_) {
    const auto* request = books_[place].request(asked_);
    if (request == nullptr) continue;
    ++sum.begun;
    sum.done += request->done ? 1 : 0;
    sum.redriven += request->redriven;
    sum.dropped += request->dropped;
    sum.failed += request->failed;
    if (!request->given_up.empty())
      sum.given_up.push_back(place.first + "/" + std::to_string(place.second) + ": " + request->given_up);
  }
  return sum;
}

Result<bool> DeadLetters::Impl::is_anybody_there() {
  for (const auto& [topic, partition] : meant_) {
    auto groups = broker_.groups(topic);
    if (!groups) return groups.error();
    for (const auto& group : *groups)
      for (const auto& one : group.partitions)
        if (group.group == group_ && one.partition.value == partition && one.owned) return true;
  }
  return false;
}

DeadLetters::DeadLetters(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DeadLetters::DeadLetters(DeadLetters&&) noexcept = default;
DeadLetters& DeadLetters::operator=(DeadLetters&&) noexcept = default;
DeadLetters::~DeadLetters() = default;

Result<DeadLetters> DeadLetters::read(Broker& broker, std::string group) {
  auto impl = std::make_unique<Impl>(broker, std::move(group));
  if (auto read = impl->read(); !read) return read.error();
  return DeadLetters(std::move(impl));
}
std::vector<DeadLetterCounts> DeadLetters::counts() const {
  return impl_->counts();
}
Result<> DeadLetters::for_each(const DeadLetterRequest& request, const std::function<bool(const DeadLetter&)>& visit) {
  return impl_->for_each(request, visit);
}
Result<std::vector<DeadLetterEnd>> DeadLetters::ends_of(Broker& broker, std::string group,
                                                        const std::vector<DeadLetterPlace>& places,
                                                        const std::function<bool()>& goes_on,
                                                        const std::function<void(const Delivery&)>& visit) {
  return Impl(broker, std::move(group)).ends_of(places, goes_on, visit);
}
Result<std::string> DeadLetters::publish(DeadLetterRequest request, std::string_view name_space) {
  return impl_->publish(std::move(request), name_space);
}
Result<DeadLetterProgress> DeadLetters::progress() {
  return impl_->progress();
}
Result<bool> DeadLetters::is_anybody_there() {
  return impl_->is_anybody_there();
}

}  // namespace tidings
