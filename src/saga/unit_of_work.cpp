#include "saga/unit_of_work.hpp"

#include <algorithm>

#include "tidings/base/text.hpp"

namespace tidings::saga {

Result<> UnitOfWork::load(std::vector<std::string> ids) {
  std::ranges::sort(ids);
  const auto [first, last] = std::ranges::unique(ids);
  ids.erase(first, last);
  std::erase_if(ids, [&](const std::string& id) { return entries_.contains(id); });
  if (ids.empty()) return {};
  auto found = ledger_.load(tx_, type_, ids);
  if (!found) return found.error();
  for (auto& id : ids) entries_.try_emplace(std::move(id));
  for (auto& [id, instance] : *found) {
    auto& entry = entries_[id];
    if (!instance) {
      entry.unreadable = std::move(instance.error());
      continue;
    }
    entry.changes.before = instance->revision;
    entry.now = std::move(*instance);
  }
  return {};
}

Result<const Instance*> UnitOfWork::find(std::string_view id) const {
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return nullptr;
  if (entry->second.unreadable) return *entry->second.unreadable;
  return entry->second.now ? &*entry->second.now : nullptr;
}

Result<> UnitOfWork::apply(Transition made) {
  if (!made.has_changed) return {};
  for (auto& out : made.outgoing) {
    if (sealer_ != nullptr && sealer_->must_seal(out.event.view()))
      if (auto sealed = sealer_->seal(out.event); !sealed) return sealed;
    if (auto row = outbox::detail::make_row(out.topic, out.event.view(), {.tables = &ledger_.tables()}); !row)
      return row.error();
  }
  auto& [now, unreadable, changes] = entries_[made.instance.id];
  for (auto& note : made.notes) changes.notes.emplace_back(made.instance.revision, std::move(note));
  if (made.clears_all) {
    changes.clears_all = true;
    changes.cleared.clear();
    changes.set.clear();
  }
  for (auto& step : made.cleared) {
    std::erase_if(changes.set, [&](const Timer& timer) { return timer.step == step; });
    if (!changes.clears_all && std::ranges::find(changes.cleared, step) == changes.cleared.end())
      changes.cleared.push_back(std::move(step));
  }
  for (auto& timer : made.set) {
    first_due_ = first_due_ ? std::min(*first_due_, timer.due) : timer.due;
    std::erase_if(changes.set,
                  [&](const Timer& other) { return other.step == timer.step && other.kind == timer.kind; });
    changes.set.push_back(std::move(timer));
  }
  for (auto& out : made.outgoing) outgoing_.push_back(std::move(out));
  if (made.is_alert) {
    const auto& at = made.instance;
    alerts_.push_back("saga " + printable(at.type) + " " + printable(at.id) +
                      (at.status == Status::stuck
                           ? " is stuck: " + printable(at.why) + "; resume it, compensate or abandon it (tidings sagas)"
                           : " is overdue, and beyond its pivot"));
  }
  now = std::move(made.instance);
  return {};
}

Result<> UnitOfWork::write() {
  std::vector<Ledger::Written> all;
  for (const auto& [id, entry] : entries_)
    if (!entry.changes.notes.empty()) all.push_back({&*entry.now, &entry.changes});
  if (all.empty()) return {};
  if (auto written = ledger_.write(tx_, type_, all); !written) return written;
  for (const auto& out : outgoing_)
    if (auto sent = outbox::enqueue_envelope(tx_, out.topic, out.event.view(), {.tables = &ledger_.tables()}); !sent)
      return sent.error();
  return {};
}

}  // namespace tidings::saga
