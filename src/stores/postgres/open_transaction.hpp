#pragma once

#include <memory>
#include <string>

#include "stores/postgres/link.hpp"
#include "tidings/store/transaction.hpp"

namespace tidings::stores::postgres {

class PostgresStore;

/// Has a turn and a connection, and gives them back.
class Open final : public OpenTransaction {
 public:
  /// `was_idle`: it may have broken since.
  Open(PostgresStore& store, std::unique_ptr<Link> link, bool was_idle, Duration answer_within);
  ~Open() override { roll_back(); }

  Result<> commit() override;
  void answer_within(Duration longest) override {
    answer_within_ = longest;
    if (link_) link_->answer_within(longest);
  }
  void roll_back() override;
  Result<> save() override;
  Result<> roll_back_to_saved() override;

 private:
  void end();
  [[nodiscard]] Result<> check() const;
  Error failed(Error why);
  Result<Answer> run(std::string_view sql, std::span<const SqlView> parameters);
  Result<Answer> run_first(std::string_view sql, std::span<const SqlView> parameters);

  Result<std::uint64_t> run_statement(std::string_view sql, std::span<const SqlView> parameters) override;
  Result<> run_later(std::string_view sql, std::span<const SqlView> parameters) override;
  Result<> run_query(std::string_view sql, std::span<const SqlView> parameters,
                     tidings::detail::RowSink& rows) override;
  [[nodiscard]] void* native_handle(std::string_view type) override;

  PostgresStore& store_;
  std::unique_ptr<Link> link_;  // null once it is over
  bool was_idle_;
  Duration answer_within_;
  bool has_failed_ = false;
  bool is_saved_ = false;
  std::string why_;
};

}  // namespace tidings::stores::postgres
