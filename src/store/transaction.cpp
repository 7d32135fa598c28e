#include "tidings/store/transaction.hpp"

#include <algorithm>

#include "store/ending.hpp"

namespace tidings {

/// No database takes that as a statement, and all of them say what it was in their message.
void Transaction::fail(const Error& why) {
  (void)run_statement("refused: " + to_string(why), {});
}

Result<> Transaction::refuse_ending(std::string_view sql) {
  if (!ends_transaction(sql)) return {};
  const Error why{"sql_error", "the statement would end the transaction, which is for who began it to do"};
  fail(why);
  return why;
}

void Transaction::after_commit(const void* what, std::function<void()> call) {
  if (std::ranges::find(after_commit_, what, &AfterCommit::what) == after_commit_.end())
    after_commit_.push_back({what, std::move(call)});
}

void Transaction::tell_committed() {
  for (const auto& after : std::exchange(after_commit_, {})) after.call();
}

}  // namespace tidings
