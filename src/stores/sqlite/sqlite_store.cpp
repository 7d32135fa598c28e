#include "stores/sqlite/sqlite_store.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "tidings/base/steady.hpp"
#include "tidings/base/text.hpp"

namespace tidings::stores {

namespace sqlite {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view scheme = "sqlite:";
constexpr std::string_view read_only = "?mode=ro";  // as in https://www.sqlite.org/uri.html#recognized_query_parameters
constexpr Duration look_again_first = 100us;        // for another process that writes
constexpr Duration look_again_longest = 20ms;

}  // namespace

/// Has the turn, and gives it back.
class SqliteStore::Open final : public OpenTransaction {
 public:
  explicit Open(SqliteStore& store) : store_(store) {}
  ~Open() override { roll_back(); }

  Result<> commit() override {
    if (auto fine = check(); !fine) {
      roll_back();
      return fine;
    }
    auto done = connection().execute("COMMIT");
    if (!done) {
      auto why = std::move(done).error();
      roll_back();
      return why;
    }
    end();
    tell_committed();
    return {};
  }

  void fail(const Error& why) override { (void)failed(why); }

  void roll_back() override {
    if (has_ended_) return;
    // Some errors have rolled it back already: https://www.sqlite.org/lang_transaction.html.
    if (sqlite3_get_autocommit(connection().handle()) == 0 && !connection().execute("ROLLBACK"))
      store_.connection_.reset();  // it is of no use any more, and takes the transaction along
    end();
  }

  Result<> save() override {
    if (auto fine = check(); !fine) return fine;
    if (is_saved_)
      if (auto done = connection().execute("RELEASE tidings"); !done) return failed(done.error());
    is_saved_ = false;
    if (auto done = connection().execute("SAVEPOINT tidings"); !done) return failed(done.error());
    is_saved_ = true;
    return {};
  }

  Result<> roll_back_to_saved() override {
    if (has_ended_ || !is_saved_ || sqlite3_get_autocommit(connection().handle()) != 0)
      return Error{"transaction_failed", "there is nothing saved to go back to"};
    if (auto done = connection().execute("ROLLBACK TO tidings"); !done) return failed(done.error());
    has_failed_ = false;
    return {};
  }

 private:
  [[nodiscard]] Connection& connection() { return *store_.connection_; }
  void end() {
    has_ended_ = true;
    store_.turns_.give_back();
  }
  [[nodiscard]] Result<> check() const {
    if (has_ended_) return Error{"transaction_failed", "the transaction is over"};
    if (has_failed_) return Error{"transaction_failed", "a statement of it failed before: " + why_};
    return {};
  }
  [[nodiscard]] bool has_ended_by_itself() { return sqlite3_get_autocommit(connection().handle()) != 0; }
  static Error ended_by_itself() {
    return {"sql_error", "the statement ended the transaction, which is for who began it to do"};
  }
  Error failed(Error why) {
    has_failed_ = true;
    why_ = why.message;
    return why;
  }

  Result<std::uint64_t> run_statement(std::string_view sql, std::span<const SqlView> parameters) override {
    if (auto fine = check(); !fine) return fine.error();
    auto done = connection().execute(sql, parameters);
    if (!done) return failed(done.error());
    if (has_ended_by_itself()) return failed(ended_by_itself());
    return done;
  }
  Result<> run_query(std::string_view sql, std::span<const SqlView> parameters,
                     tidings::detail::RowSink& rows) override {
    if (auto fine = check(); !fine) return fine.error();
    Taker taker(rows);
    auto done = connection().query(sql, parameters, taker);
    if (!done && !taker.refused()) return failed(done.error());
    if (has_ended_by_itself()) return failed(ended_by_itself());
    return done;
  }
  [[nodiscard]] void* native_handle(std::string_view type) override {
    return type == type_name<sqlite3> ? connection().handle() : nullptr;
  }

  /// Tells an error of who reads the rows, after which the transaction goes on, from one of the database's.
  class Taker final : public tidings::detail::RowSink {
   public:
    explicit Taker(tidings::detail::RowSink& rows) : rows_(rows) {}
    Result<> columns(std::span<const std::string> names) override { return noted(rows_.columns(names)); }
    Result<> row(std::span<const SqlView> cells) override { return noted(rows_.row(cells)); }
    [[nodiscard]] bool refused() const { return refused_; }

   private:
    Result<> noted(Result<> done) {
      refused_ = refused_ || !done;
      return done;
    }
    tidings::detail::RowSink& rows_;
    bool refused_ = false;
  };

  SqliteStore& store_;
  bool has_ended_ = false;
  bool has_failed_ = false;
  bool is_saved_ = false;
  std::string why_;
};

Result<std::unique_ptr<Store>> SqliteStore::open(std::string_view url, const StoreOptions& options) {
  auto path = url.substr(scheme.size());
  const bool is_read_only = path.ends_with(read_only);
  if (is_read_only) path.remove_suffix(read_only.size());
  if (path.empty() || path.find('\0') != path.npos)
    return Error{"invalid_url", "'" + printable(url) + "' names no file; write one as sqlite:./data.db"};
  if (path.starts_with(":memory:"))
    return Error{"invalid_url", "'" + printable(url) +
                                    "' would be gone with the process, and with it what is to be "
                                    "remembered; write a file, as sqlite:./data.db"};
  std::unique_ptr<SqliteStore> store(new SqliteStore(std::string(path), options, is_read_only));
  if (auto connected = store->connect(); !connected) return connected.error();
  return std::unique_ptr<Store>(std::move(store));
}

SqliteStore::~SqliteStore() {
  (void)close(Duration::zero());
}

Result<> SqliteStore::connect() {
  auto made = Connection::open(path_, options_.must_exist || is_read_only_ || was_open_);
  if (!made) {
    auto why = made.error();
    std::error_code error;
    const std::filesystem::path path(path_);
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    if (std::filesystem::is_directory(path, error))
      why.message += ", which is a folder; name a file in it";
    else if (!std::filesystem::exists(folder, error))
      why = Error{"not_found", "there is no folder " + printable(folder.string()) + " for the database " +
                                   printable(path_) + "; make it first"};
    else if (!std::filesystem::exists(path, error) && (options_.must_exist || is_read_only_) && !was_open_)
      why = Error{"not_found", "there is no database " + printable(path_)};
    return why;
  }
  sqlite3_extended_result_codes((*made)->handle(), 1);
  // Another process may be changing the mode, or recovering: only for that is it waited in the library itself.
  sqlite3_busy_timeout((*made)->handle(), 5'000);
  const auto set = [&](std::string_view pragma) -> Result<> {
    auto done = (*made)->execute(pragma);
    if (done) return {};
    auto why = done.error();
    why.message += ", at " + printable(path_);
    return why;
  };
  if (!options_.must_exist && !is_read_only_)  // else it may be somebody's who has not asked for it
    if (auto done = set("PRAGMA journal_mode=WAL"); !done) return done;
  // The library's own 2 MiB of pages hold less than a busy outbox and its indexes, and each page that is missing is
  // read from the file again (more than 8 MiB would cost a small service more memory than all else); checkpoints each 4
  // MiB write and sync the same pages over and over.
  for (const auto* const pragma : {"PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON", "PRAGMA cache_size=-8192",
                                   "PRAGMA wal_autocheckpoint=8192"})
    if (auto done = set(pragma); !done) return done;
  // A file that is none of SQLite's is told here.
  if (auto done = set("select count(*) from sqlite_master"); !done) return done;
  if (is_read_only_)
    if (auto done = set("PRAGMA query_only=ON"); !done) return done;
  sqlite3_busy_timeout((*made)->handle(), 0);
  connection_ = std::move(*made);
  was_open_ = true;
  return {};
}

/// Who removes or replaces the file of a running database leaves it to write where nobody reads.
Result<> SqliteStore::is_in_place() const {
  int has_moved = 0;
  sqlite3_file_control(connection_->handle(), "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
  if (has_moved == 0) return {};
  return Error{"unavailable",
               printable(path_) +
                   " was removed or replaced while it is open; put the file back, or restart what has "
                   "it as its store",
               Retry::same_call};
}

Result<> SqliteStore::begin_immediate(SteadyTime until) {
  auto pause = look_again_first;
  while (true) {
    const auto begun = connection_->execute("BEGIN IMMEDIATE");
    if (begun) return {};
    if (begun.error().code != "busy") return begun.error();
    const auto left = until - steady_now();
    if (left <= Duration::zero())
      return Error{"busy", "another process writes to " + printable(path_) + " all the time; try again",
                   Retry::same_call};
    std::this_thread::sleep_for(std::min<Duration>(pause, left));
    pause = std::min(pause * 2, look_again_longest);
  }
}

/// Of a file in WAL mode readers and the writer do not wait for each other. In another mode its first statement may
/// have to, which is why the library is told for how long.
Result<> SqliteStore::begin_reading(SteadyTime until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_now()).count();
  sqlite3_busy_timeout(connection_->handle(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
  if (auto begun = connection_->execute("BEGIN"); !begun) return begun.error();
  return {};
}

Result<std::unique_ptr<OpenTransaction>> SqliteStore::begin(Duration wait_max) {
  const auto until = steady_now() + wait_max;
  const auto got = turns_.take(until);
  if (got == Turns::Got::closed) return Error{"closed", "the store is closed; open it again", Retry::reopen};
  if (got == Turns::Got::nothing)
    return Error{"busy", "other transactions of this process are before it; end each soon, or wait longer",
                 Retry::same_call};
  Result<> ready;
  if (!connection_) ready = connect();
  if (ready) ready = is_in_place();
  if (ready) ready = is_read_only_ ? begin_reading(until) : begin_immediate(until);
  if (!ready) {
    turns_.give_back();
    return ready.error();
  }
  return std::unique_ptr<OpenTransaction>(std::make_unique<Open>(*this));
}

Result<> SqliteStore::close(Duration wait_max) {
  if (!turns_.close(steady_now() + wait_max)) return Error{"timeout", "a transaction is still open", Retry::same_call};
  connection_.reset();
  return {};
}

}  // namespace sqlite

StoreFactory sqlite_factory() {
  return {.scheme = "sqlite", .example = "sqlite:./data.db", .open = &sqlite::SqliteStore::open};
}

}  // namespace tidings::stores
