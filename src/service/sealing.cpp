#include "service/sealing.hpp"

#include <algorithm>

#include "service/host.hpp"
#include "tidings/base/text.hpp"

namespace tidings::service {

namespace {

/// What Tidings tells itself, and its tools read.
constexpr std::string_view of_tidings = "tidings.";

/// `*` is any number of characters, `?` is one.
bool matches(std::string_view text, std::string_view glob) {
  std::size_t at = 0, in = 0;
  std::size_t star = glob.npos, retry = 0;
  while (at < text.size()) {
    if (in < glob.size() && glob[in] == '*') {
      star = in++;
      retry = at;
    } else if (in < glob.size() && (glob[in] == '?' || glob[in] == text[at])) {
      ++at, ++in;
    } else if (star != glob.npos) {
      in = star + 1;
      at = ++retry;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', in) == glob.npos;
}

/// Globs, with commas between. Nothing of a wrong one is told, which may be a key.
Result<> read_types(std::string_view list, std::vector<std::string>& types) {
  while (!list.empty()) {
    auto one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(one.size() + 1, list.size()));
    const auto begin = std::min(one.find_first_not_of(' '), one.size());
    one = one.substr(begin, one.find_last_not_of(' ') + 1 - begin);
    if (one.empty()) continue;
    const bool is_type = std::ranges::all_of(one, [](char c) {
      return static_cast<unsigned char>(c) > ' ' && c != 0x7f &&
             std::string_view(";|=+\"'`\\").find(c) == std::string_view::npos;
    });
    if (!is_type)
      return Error{"invalid_setting",
                   "entry " + std::to_string(types.size() + 1) +
                       " of encryption.types is no type of events; types are names with * and ?, with commas between, "
                       "and nothing else: shop.Payment*, shop.Refund"};
    types.emplace_back(one);
  }
  return {};
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

}  // namespace

Result<> Sealing::open(How how) {
  if (!how.keys.empty() && !how.key_file.empty())
    return Error{"invalid_setting", "encryption.keys and encryption.key_file are both set; one of them says the keys"};
  auto keys = how.key_file.empty() ? Keyring::from_text(how.keys) : Keyring::from_file(how.key_file);
  const std::string from = how.key_file.empty() ? "encryption.keys: " : "encryption.key_file: ";
  if (!keys) return Error{keys.error().code, from + keys.error().message, keys.error().retry};
  types_.clear();
  if (auto read = read_types(how.types, types_); !read) return read;
  if (how.refuses_plain && keys->empty())
    return Error{
        "no_key",
        "encryption.refuse_plain lets nothing be handled that is to be sealed and is not, and there is no key; "
        "set encryption.key_file, or encryption.keys"};
  refuses_plain_ = how.refuses_plain;
  if (!types_.empty() && keys->empty())
    return Error{"no_key",
                 "encryption.types names events that are to be sealed, and there is no key; set "
                 "encryption.key_file, or encryption.keys"};
  key_file_ = std::move(how.key_file);
  reload_ = how.reload;
  const std::scoped_lock lock(mutex_);
  keys_ = std::move(*keys);
  return {};
}

Keyring Sealing::keys() const {
  const std::scoped_lock lock(mutex_);
  return keys_;
}

bool Sealing::names_type(std::string_view type) const {
  if (type.starts_with(of_tidings)) return false;
  return std::ranges::any_of(types_, [&](const std::string& glob) { return matches(type, glob); });
}

bool Sealing::must_seal(const EnvelopeView& event) const {
  return is_marked_for_sealing(event) || (!types_.empty() && !is_sealed(event) && names_type(event.type));
}

Result<> Sealing::seal(Envelope& event) const {
  return keys().seal(event);
}

void Sealing::add_encrypted_type(std::string_view type) {
  encrypted_.emplace_back(type);
}

Result<EnvelopeView> Sealing::open(const EnvelopeView& event, std::string& opened) const {
  if (!is_sealed(event)) {
    if (!event.headers.empty() && event.headers.get(encryption_key_header))
      return Error{"not_authentic", "it says that it was sealed with key '" + printable(seal_key(event)) +
                                        "', and is not: its content type was changed on its way"};
    if (refuses_plain_ && (std::ranges::find(encrypted_, event.type) != encrypted_.end() || names_type(event.type)))
      return Error{
          "not_sealed",
          "events of its type are sealed, and this one came in the open: who published it is none of those, or "
          "older; encryption.refuse_plain says that it is not handled"};
    return event;
  }
  auto payload = keys().open(event);
  if (!payload) return std::move(payload).error();
  opened = std::move(*payload);
  return opened_view(event, opened);
}

std::string Sealing::trouble() const {
  const std::scoped_lock lock(mutex_);
  return unread_;
}

void Sealing::look(SteadyTime now, const Host& host) {
  if (key_file_.empty() || reload_ <= Duration::zero() || now - looked_ < reload_) return;
  looked_ = now;
  auto read = Keyring::from_file(key_file_);
  if (!read) {
    const auto times = troubles_.tell("keys " + read.error().code, now);
    if (times)
      host.say(LogLevel::error, "keeps its keys, since those of the file cannot be had: " + to_string(read.error()) +
                                    times_text(*times));
    const std::scoped_lock lock(mutex_);
    unread_ = to_string(read.error());
    return;
  }
  const auto before = keys();
  const bool was_unread = [&] {
    const std::scoped_lock lock(mutex_);
    return !std::exchange(unread_, {}).empty();
  }();
  if (was_unread) host.say(LogLevel::info, "reads its keys again");
  if (read->has_same_keys(before)) return;
  {
    const std::scoped_lock lock(mutex_);
    keys_ = *read;
  }
  host.say(LogLevel::info,
           "seals with key " + std::string(read->sealing_id()) + " from now on, and opens " + joined(read->ids()));
  if (const auto gone = read->ids_gone_since(before); !gone.empty())
    host.say(LogLevel::warning, "has keys no more that it had, or others under their ids: " + joined(gone) +
                                    "; what was sealed with them is parked from now on. If the file was cut short, "
                                    "write it anew, and drive again what is parked (tidings dead-letters redrive)");
}

}  // namespace tidings::service
