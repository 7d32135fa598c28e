#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "tidings/base/file_system.hpp"

namespace tidings::log {

/// For tests: the machine's file system, whose calls fail where the test says. A write that fails has written its first
/// half. Calls on the bytes of a mapping are not seen. Thread-safe; outlives what was opened through it.
class FaultyFiles final : public FileSystem {
 public:
  /// One call, before it is made.
  struct Call {
    std::uint64_t number = 0;  ///< from 1 on
    std::string_view name;     ///< `write_at`, `rename`, …
    std::string path;          ///< of the file or directory that it is made on; of what it opens
  };
  using Plan = std::function<std::optional<Error>(const Call&)>;

  explicit FaultyFiles(FileSystem& base = system_files()) : base_(base) {}

  /// What fails from now on; nothing where it is empty. One call at a time is looked at, and the plan makes none
  /// itself.
  void fail(Plan plan) {
    const std::scoped_lock lock(mutex_);
    plan_ = std::move(plan);
  }
  /// What is done before each call from now on, in its thread and beside others: it may make calls itself.
  void before(std::function<void(const Call&)> act) {
    const std::scoped_lock lock(mutex_);
    before_ = act ? std::make_shared<std::function<void(const Call&)>>(std::move(act)) : nullptr;
  }
  /// Nothing waits for the device any more: for tests that open a log thousands of times.
  void skip_syncs() { skips_syncs_ = true; }
  [[nodiscard]] std::uint64_t calls() const { return calls_.load(); }

  Result<std::unique_ptr<Directory>> open(const std::string& path, bool create) override {
    if (auto error = refused("open", path)) return *error;
    return opened(base_.open(path, create));
  }

 private:
  class FaultyFile final : public File {
   public:
    FaultyFile(FaultyFiles& files, std::unique_ptr<File> base) : files_(files), base_(std::move(base)) {}
    Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset) override {
      return call("read_at", [&] { return base_->read_at(out, offset); });
    }
    Result<> write_at(std::span<const std::byte> bytes, std::uint64_t offset) override {
      auto error = files_.refused("write_at", path());
      if (!error) return base_->write_at(bytes, offset);
      (void)base_->write_at(bytes.first(bytes.size() / 2), offset).has_value();
      return *error;
    }
    Result<> sync_data() override {
      return call("sync_data", [&] { return files_.skips_syncs_ ? Result<>{} : base_->sync_data(); });
    }
    Result<> allocate(std::uint64_t size) override {
      return call("allocate", [&] { return base_->allocate(size); });
    }
    Result<std::uint64_t> size() override {
      return call("size", [&] { return base_->size(); });
    }
    Result<FileId> id() override {
      return call("id", [&] { return base_->id(); });
    }
    Result<bool> is_named() override {
      return call("is_named", [&] { return base_->is_named(); });
    }
    Result<Mapping> map(std::uint64_t size, bool writable) override {
      return call("map", [&] { return base_->map(size, writable); });
    }
    Result<bool> try_lock(Range range) override {
      return call("try_lock", [&] { return base_->try_lock(range); });
    }
    Result<> unlock(Range range) override {
      return call("unlock", [&] { return base_->unlock(range); });
    }
    Result<std::optional<Range>> held_by_others(Range range) override {
      return call("held_by_others", [&] { return base_->held_by_others(range); });
    }
    Result<Mapping> map_locks(std::uint64_t at) override {
      return call("map_locks", [&] { return base_->map_locks(at); });
    }
    Result<std::unique_ptr<CloseWatch>> watch_closes() override {
      return call("watch_closes", [&] { return base_->watch_closes(); });
    }
    const std::string& path() const override { return base_->path(); }

   private:
    template <class Make>
    std::invoke_result_t<Make> call(std::string_view name, Make make) {
      if (auto error = files_.refused(name, path())) return *error;
      return make();
    }

    FaultyFiles& files_;
    std::unique_ptr<File> base_;
  };

  class FaultyDirectory final : public Directory {
   public:
    FaultyDirectory(FaultyFiles& files, std::unique_ptr<Directory> base) : files_(files), base_(std::move(base)) {}
    Result<std::unique_ptr<Directory>> directory(std::string_view name, Create create) override {
      if (auto error = refused("directory", name)) return *error;
      return files_.opened(base_->directory(name, create));
    }
    Result<std::unique_ptr<File>> file(std::string_view name, Create create, bool writable) override {
      if (auto error = refused("file", name)) return *error;
      auto file = base_->file(name, create, writable);
      if (!file) return file;
      return std::unique_ptr<File>(std::make_unique<FaultyFile>(files_, std::move(*file)));
    }
    Result<std::vector<std::string>> list() override {
      if (auto error = files_.refused("list", path())) return *error;
      auto names = base_->list();
      if (auto error = files_.refused("listed", path())) return *error;  // for who does something in between
      return names;
    }
    Result<> rename(std::string_view from, std::string_view to) override {
      if (auto error = refused("rename", to)) return *error;
      return base_->rename(from, to);
    }
    Result<> replace(std::string_view from, std::string_view to) override {
      if (auto error = refused("replace", to)) return *error;
      return base_->replace(from, to);
    }
    Result<> remove_file(std::string_view name) override {
      if (auto error = refused("remove_file", name)) return *error;
      return base_->remove_file(name);
    }
    Result<> remove_directory(std::string_view name) override {
      if (auto error = refused("remove_directory", name)) return *error;
      return base_->remove_directory(name);
    }
    Result<> sync() override {
      if (auto error = files_.refused("sync", path())) return *error;
      return files_.skips_syncs_ ? Result<>{} : base_->sync();
    }
    Result<std::optional<std::string>> foreign_file_system() override {
      if (auto error = files_.refused("foreign_file_system", path())) return *error;
      return base_->foreign_file_system();
    }
    const std::string& path() const override { return base_->path(); }

   private:
    std::optional<Error> refused(std::string_view call, std::string_view name) {
      return files_.refused(call, path() + "/" + std::string(name));
    }

    FaultyFiles& files_;
    std::unique_ptr<Directory> base_;
  };

  std::optional<Error> refused(std::string_view name, std::string path) {
    Call call{.number = 0, .name = name, .path = std::move(path)};
    std::unique_lock lock(mutex_);
    call.number = calls_.fetch_add(1) + 1;
    if (const auto before = before_) {
      lock.unlock();
      (*before)(call);
      lock.lock();
    }
    return plan_ ? plan_(call) : std::nullopt;
  }

  Result<std::unique_ptr<Directory>> opened(Result<std::unique_ptr<Directory>> base) {
    if (!base) return base;
    return std::unique_ptr<Directory>(std::make_unique<FaultyDirectory>(*this, std::move(*base)));
  }

  FileSystem& base_;
  std::mutex mutex_;
  Plan plan_;
  std::shared_ptr<std::function<void(const Call&)>> before_;
  std::atomic<std::uint64_t> calls_ = 0;
  std::atomic<bool> skips_syncs_ = false;
};

/// As the machine says it.
inline Error disk_full() {
  return {"disk_full", "the test's disk is full", Retry::same_call};
}
inline Error io_error() {
  return {"io_error", "the test's disk is broken", Retry::reopen};
}
inline Error too_many_files() {
  return {"too_many_files", "the test has no descriptor left", Retry::same_call};
}

}  // namespace tidings::log
