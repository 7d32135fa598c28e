#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "log/checking.hpp"
#include "log/verify_testing.hpp"

namespace tidings::log {
namespace {

/// The machine's files, for who must not change any: every call that would is counted, and refused.
class ReadOnlyFiles final : public FileSystem {
 public:
  Result<std::unique_ptr<Directory>> open(const std::string& path, bool create) override {
    if (create) return refused();
    return opened(system_files().open(path, false));
  }
  int wrong = 0;
  std::uint64_t shorter_than = ~std::uint64_t{0};  ///< files seem to end here, though not by their size
  std::string short_name;

 private:
  static Error error() { return {"read_only", "the test allows no change", Retry::never}; }
  Error refused() {
    ++wrong;
    return error();
  }
  Result<std::unique_ptr<Directory>> opened(Result<std::unique_ptr<Directory>> base) {
    if (!base) return base;
    return std::unique_ptr<Directory>(std::make_unique<ReadOnlyDirectory>(*this, std::move(*base)));
  }

  class ReadOnlyFile final : public File {
   public:
    ReadOnlyFile(ReadOnlyFiles& files, std::unique_ptr<File> base) : files_(files), base_(std::move(base)) {}
    Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset) override {
      if (path().ends_with(files_.short_name) && !files_.short_name.empty()) {
        if (offset >= files_.shorter_than) return 0;
        out = out.first(std::min<std::size_t>(out.size(), files_.shorter_than - offset));
      }
      return base_->read_at(out, offset);
    }
    Result<> write_at(std::span<const std::byte>, std::uint64_t) override { return files_.refused(); }
    Result<> sync_data() override { return files_.refused(); }
    Result<> allocate(std::uint64_t) override { return files_.refused(); }
    Result<std::uint64_t> size() override { return base_->size(); }
    Result<FileId> id() override { return base_->id(); }
    Result<bool> is_named() override { return base_->is_named(); }
    Result<Mapping> map(std::uint64_t, bool) override { return files_.refused(); }  // cut short, it is a SIGBUS
    Result<bool> try_lock(Range) override { return files_.refused(); }
    Result<> unlock(Range) override { return files_.refused(); }
    Result<std::optional<Range>> held_by_others(Range range) override { return base_->held_by_others(range); }
    const std::string& path() const override { return base_->path(); }

   private:
    ReadOnlyFiles& files_;
    std::unique_ptr<File> base_;
  };
  class ReadOnlyDirectory final : public Directory {
   public:
    ReadOnlyDirectory(ReadOnlyFiles& files, std::unique_ptr<Directory> base) : files_(files), base_(std::move(base)) {}
    Result<std::unique_ptr<Directory>> directory(std::string_view name, Create create) override {
      if (create != Create::never) return files_.refused();
      return files_.opened(base_->directory(name, create));
    }
    Result<std::unique_ptr<File>> file(std::string_view name, Create create, bool writable) override {
      if (create != Create::never || writable) return files_.refused();
      auto file = base_->file(name, create, writable);
      if (!file) return file;
      return std::unique_ptr<File>(std::make_unique<ReadOnlyFile>(files_, std::move(*file)));
    }
    Result<std::vector<std::string>> list() override { return base_->list(); }
    Result<> rename(std::string_view, std::string_view) override { return files_.refused(); }
    Result<> replace(std::string_view, std::string_view) override { return files_.refused(); }
    Result<> remove_file(std::string_view) override { return files_.refused(); }
    Result<> remove_directory(std::string_view) override { return files_.refused(); }
    Result<> sync() override { return files_.refused(); }
    Result<std::optional<std::string>> foreign_file_system() override { return base_->foreign_file_system(); }
    const std::string& path() const override { return base_->path(); }

   private:
    ReadOnlyFiles& files_;
    std::unique_ptr<Directory> base_;
  };
};

TEST(VerifyHostile, NothingIsChangedLockedOrMapped) {
  for (const int state : {0, 1, 2, 3}) {
    SmallLog log;
    log.fill(40);
    log.write_record("audit", {.sequence = 1, .position = 40, .epoch = 2});
    std::unique_ptr<PartitionLog> user;
    if (state == 1) user = log.open();
    if (state == 2) log.reboot();
    if (state == 3) log.flip(log.segment(0), 300);
    ReadOnlyFiles files;
    log.verify(files);
    EXPECT_EQ(files.wrong, 0) << state;
    EXPECT_EQ(log.summary.events, state == 3 ? 39U : 40U);
  }
}

TEST(VerifyHostile, AFileThatIsCutShortWhileItIsRead) {
  SmallLog log;
  log.fill(40);
  ReadOnlyFiles files;
  files.short_name = segment_name(log.firsts()[1]);
  for (std::uint64_t size = 0; size < 4096; size += 7) {
    files.shorter_than = size;
    const auto told = log.told(files);
    // Behind the seal nobody reads.
    if (size < 3500) {
      EXPECT_TRUE(told.starts_with("error ")) << size;
    }
  }
}

TEST(VerifyHostile, NoRegularFiles) {
  SmallLog log;
  log.fill(40);
  log.write_record("audit", {.sequence = 1, .position = 40, .epoch = 2});
  const auto replaced = [&](const std::string& name, const std::function<void(const std::string&)>& make) {
    const auto file = log.path + "/" + name;
    std::filesystem::rename(file, log.path + "/kept");
    make(file);
    auto told = log.told();
    std::filesystem::remove_all(file);
    std::filesystem::rename(log.path + "/kept", file);
    return told;
  };
  const auto fifo = [](const std::string& file) { ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0); };
  const auto link = [&](const std::string& file) { std::filesystem::create_symlink(log.path + "/kept", file); };
  const auto folder = [](const std::string& file) { std::filesystem::create_directory(file); };
  const auto socket = [](const std::string& file) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(file.size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, file.c_str(), file.size());
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(fd);
  };
  for (const auto& name : {log.segment(0), std::string("orders/topic.meta"), std::string("orders/groups/audit"),
                           std::string("orders/0/control"), std::string("orders/openers.lock"),
                           std::string("orders/control"), std::string("slots.lock")})
    for (const auto& make : std::vector<std::function<void(const std::string&)>>{fifo, link, folder}) {
      const auto told = replaced(name, make);
      EXPECT_NE(told.find("error "), std::string::npos) << name << ": " << told;
      EXPECT_NE(told.find(" " + name), std::string::npos) << name << ": " << told;
    }
  if (log.path.size() < 50) {
    EXPECT_NE(replaced(log.segment(0), socket).find("error "), std::string::npos);
  }
  // Whole folders by links are somebody else's.
  EXPECT_EQ(replaced("orders", link), "note foreign_file orders\n");
  EXPECT_EQ(log.told(), "");
}

TEST(VerifyHostile, LengthsThatReachFar) {
  SmallLog log;
  log.fill(40);
  // 8 GiB that take no space, full of what looks like frames of up to 4 GiB.
  const auto file = log.segment(0);
  SegmentHeader header;
  header.size = std::uint64_t{8} << 30;
  header.salt = 7;
  header.epoch = 2;
  header.checksum = header_checksum(header);
  std::string bytes(sizeof header, '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    FrameHeader frame;
    frame.length = 0xfffffff0;
    frame.offset = i;
    const auto* const at = reinterpret_cast<const char*>(&frame);
    bytes.append(at, sizeof frame);
  }
  overwrite(log.path + "/" + file, bytes);
  std::filesystem::resize_file(log.path + "/" + file, header.size);
  const auto begin = std::chrono::steady_clock::now();
  VerifyOptions options;
  std::string codes;
  options.on_finding = [&](const Finding& finding) { codes += finding.code + " "; };
  // What takes long can be ended.
  options.on_progress = [&](const VerifyProgress&) {
    return std::chrono::steady_clock::now() - begin < std::chrono::seconds{1};
  };
  auto done = verify_log(log.path, options);
  EXPECT_TRUE(done || done.error().code == "interrupted");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{20});
}

TEST(VerifyHostile, OneKindOfFindingDoesNotFillTheMemory) {
  SmallLog log;
  log.fill(60);
  const auto firsts = log.firsts();
  Findings findings;
  for (std::uint64_t i = 0; i < 100'000; ++i) findings.add({Severity::error, "bad_checksum", "f", i, i, "w"});
  const auto kept = findings.take();
  ASSERT_EQ(kept.size(), Findings::kept_max + 1);
  EXPECT_EQ(kept.back().why, "and 99984 more of these in this file");
}

}  // namespace
}  // namespace tidings::log
