"""Counter-proofs: takes one check, order or sync at a time out of the log, and wants the suite that guards it to fail.

    mutants.py ROOT BUILD [name…]      builds each mutant, beside the build, and runs its suite; exits 1 where one lives
    mutants.py ROOT BUILD --check      looks only whether each mutant's text still stands in its file, once
"""

import contextlib
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile

SECONDS_MAX = 240
LOG = "src/log/"

# name: (file, what stands there, what stands there then, suite, its tests)
MUTANTS = {
    # Kills.
    "the end is published before the frames": (
        LOG + "appending.cpp",
        "  mark_dirty(position + bytes);\n  const FrameStamp",
        "  mark_dirty(position + bytes);\n  control.committed.store(first + events.size());\n  const FrameStamp",
        "kill_points", "*AtEveryStore/Memory*",
    ),
    "half a batch is kept": (
        LOG + "recovery.cpp", "      if (frame->header->batch_end == 0) continue;\n", "", "kill_points", "*Batch",
    ),
    "what a dead writer left is not looked at": (
        LOG + "appending.cpp", "inherited || dirty_end != 0)", "false)", "kill_points", "*AtEvery*",
    ),
    "an append does not say how far it may have written": (
        LOG + "appending.cpp", "  mark_dirty(position + bytes);\n", "  mark_dirty(0);\n", "kill_points", "*AtEveryStore/*SmallBatch",
    ),
    "a roll leaves no dirty mark": (
        LOG + "rolling.cpp", "  mark_dirty(position);\n", "", "log", "Faults.*",
    ),
    "a segment that was made and not begun stays": (
        LOG + "recovery.cpp",
        "  if (end.segment && !end.sealed && end.segment->first_offset() != end.offset)",
        "  if (false)",
        "kill_points", "*AtEvery*",
    ),
    "repair leaves the torn bytes": (
        LOG + "recovery.cpp", "    if (end->segment->first_offset() == first)\n", "    if (false)\n", "kill_points", "*AtEvery*",
    ),
    "the epoch is not raised": (
        LOG + "recovery.cpp", "control.epoch.store(epoch + 1);", "control.epoch.store(epoch);", "power_loss", "Log*",
    ),
    "a group's record is written over the newest": (
        LOG + "group_file.cpp", "const int slot = 1 - slots_[partition];", "const int slot = 0;", "broker_steps", "Steps.*",
    ),
    "a topic is made under its own name": (
        LOG + "log_directory.cpp",
        "const auto draft = draft_name(topic, *shared_.slots);",
        "const auto draft = topic;",
        "broker_steps", "Steps.*",
    ),
    # Power.
    "a sync is told before it is done": (
        LOG + "syncing.cpp",
        "    if (auto done = sync_segment((*segment)->file(), first, until); !done) return done;\n",
        "    (void)tell_synced(target, first, faults);\n"
        "    if (auto done = sync_segment((*segment)->file(), first, until); !done) return done;\n",
        "power_loss", "*LeavesWhatWasSynced/Durable*",
    ),
    "a durable roll does not sync what it seals": (
        LOG + "rolling.cpp", "      if (auto done = sync_segment(from->file(), from->first_offset(), sync_deadline()); !done) return done.error();\n", "",
        "power_loss", "*LeavesWhatWasSynced/Durable*",
    ),
    "nothing that was sealed is ever synced": (
        LOG + "syncing.cpp", "    if (auto done = sync_segment(*mine.file, first, until); !done) return done;\n", "",
        "power_loss", "*LeavesWhatWasSynced/Memory*",
    ),
    "a roll does not wait for the sync of what was sealed before": (
        LOG + "rolling.cpp",
        "    if (auto done = sync_sealed(sync_deadline()); !done) return done.error();\n  auto made",
        "    work_behind();\n  auto made",
        "power_loss", "*LeavesWhatWasSynced/Memory*",
    ),
    "a roll goes on over the sync of what was sealed before": (
        LOG + "rolling.cpp",
        "    if (auto done = sync_sealed(sync_deadline()); !done) return done.error();\n  auto made",
        "    (void)sync_sealed(sync_deadline()).has_value();\n  auto made",
        "log", "Rolling.*",
    ),
    "a roll waits only for the sync of what it sealed itself": (
        LOG + "syncing.cpp", "    if (!mine.file || mine.first != first) {\n",
        "    if (!mine.file || mine.first != first) {\n      if (mine.file) continue;\n", "log", "Rolling.*",
    ),
    "the names of what was sealed are not synced": (
        LOG + "syncing.cpp",
        "  if (auto done = sync_names(); !done) return done;\n  return tell_synced(current",
        "  return tell_synced(current",
        "power_loss", "*LeavesWhatWasSynced/Memory*",
    ),
    "a sync of what is written leaves out what was sealed": (
        LOG + "syncing.cpp",
        "    if (auto done = sync_sealed(until); !done) return done;\n", "    (void)0;\n",
        "power_loss", "*LeavesWhatWasSynced/Memory*",
    ),
    "a durable roll seals before the next segment is synced": (
        LOG + "rolling.cpp", ".is_synced = setting_.durable}", ".is_synced = false}",
        "power_loss", "*LeavesWhatWasSynced/Durable*",
    ),
    "a torn tail is cleared and not kept aside": (
        LOG + "recovery.cpp", "  if (auto done = (*file)->write_at(bytes, 0); !done) return done.error();\n", "",
        "power_loss", "*InRecovery*",
    ),
    "the quarantine's name is not synced": (
        LOG + "recovery.cpp", "  if (auto done = directory_->sync(); !done) return done.error();  // the folder's own name\n", "",
        "power_loss", "*InRecovery*",
    ),
    "retention takes what is not synced": (
        LOG + "retention.cpp", "std::min({control.unsynced.load(), control.segment.load(), keep_from})",
        "std::min({control.segment.load() + 1000, keep_from})", "power_loss", "*Retention:*Mixed",
    ),
    "retention does not sync between two": (
        LOG + "retention.cpp", "    if (auto done = directory_->sync(); !done) return done.error();\n", "", "power_loss", "Log*",
    ),
    "retention begins with the newest": (
        LOG + "retention.cpp",
        "    if (auto done = remove_segment(firsts[i]); !done && done.error().code != \"not_found\") return done.error();\n"
        "    if (auto done = directory_->sync(); !done) return done.error();\n"
        "    bytes -= std::min(bytes, size);\n"
        "    ++count;\n"
        "  }\n",
        "    bytes -= std::min(bytes, size);\n"
        "    ++count;\n"
        "  }\n"
        "  for (auto i = count; i-- > 0;) {\n"
        "    if (auto done = remove_segment(firsts[i]); !done && done.error().code != \"not_found\") return done.error();\n"
        "    if (auto done = directory_->sync(); !done) return done.error();\n"
        "  }\n",
        "power_loss", "*Retention",
    ),
    "retention does not say first what goes": (
        LOG + "retention.cpp",
        "    while (before < next && !control.earliest.compare_exchange_weak(before, next)) {\n    }\n"
        "    if (auto done = remove_segment(firsts[i]); !done && done.error().code != \"not_found\") return done.error();\n",
        "    if (auto done = remove_segment(firsts[i]); !done && done.error().code != \"not_found\") return done.error();\n"
        "    while (before < next && !control.earliest.compare_exchange_weak(before, next)) {\n    }\n",
        "log", "Retention.*",
    ),
    # Damage.
    "no frame's checksum is looked at": (
        LOG + "frame.cpp", "  if (frame_checksum(bytes.data(), length, salt) != header->checksum) return std::nullopt;\n", "",
        "damage", "*Flip*",
    ),
    "no proof of damage is looked for": (
        LOG + "recovery.cpp", "    if (!may_prove(*reinterpret_cast", "    if (true || !may_prove(*reinterpret_cast",
        "damage", "*Rebooted",
    ),
    "hints are believed": (
        LOG + "hints.cpp", "  if (is_plausible()) {", "  if (true) {", "damage", "*",
    ),
    "a segment's header is believed": (
        LOG + "segment.cpp", "      header.checksum != header_checksum(header))", "      false)", "damage", "*",
    ),
    "a segment's size is believed": (
        LOG + "segment.cpp", "  if (header.size != *size || *size % 8 != 0)", "  if (false)", "damage", "*Cut*",
    ),
    "a topic's file is believed": (
        LOG + "topic_files.cpp", "  if (meta.checksum != checksum_of(meta))", "  if (false)", "damage", "*",
    ),
    "a group's records are believed": (
        LOG + "group_file.cpp", "if (record.checksum != checksum_of(record, partition + 1)) {", "if (false) {", "damage", "*",
    ),
    "a group's file may be cut": (
        LOG + "group_file.cpp", "  if (*size < record_place(partitions, 0))", "  if (false)", "damage", "*Cut*",
    ),
    # What an acknowledgement waits for.
    "a duplicate is acknowledged at once": (
        "src/brokers/log/publishing.cpp", "  return once->end;\n",
        "  return once->first + part.events.size() - once->before.duplicates.size();\n", "broker_log", "*Duplicates*",
    ),
    "a duplicate does not say before which offset it stands": (
        LOG + "appending.cpp", "    once.end = once.before.end;\n", "", "broker_log", "*Duplicates*",
    ),
    "an event is acknowledged at once": (
        "src/brokers/log/publishing.cpp",
        "      if (synced) written.until_durable.push_back({*partition, *end});\n", "",
        "broker_log", "*Duplicates*",
    ),
    # System calls.
    "an interrupted write is an error": (
        "src/base/file_system.cpp", "      if (put < 0 && errno == EINTR) continue;\n", "", "system_calls", "*Interrupted",
    ),
    "half a write is taken for a whole": (
        "src/base/file_system.cpp", "      bytes = bytes.subspan(static_cast<std::size_t>(put));", "      break;",
        "system_calls", "*Short",
    ),
    "half a read is taken for a whole": (
        "src/base/file_system.cpp", "      done += static_cast<std::size_t>(got);", "      return done + got;", "system_calls",
        "*Short",
    ),
    "a failed write of frames is not told": (
        LOG + "appending.cpp", "      return done.error();  // the next writer clears it", "      (void)done;", "system_calls",
        "*DiskFull",
    ),
    "folders that are made are not synced": (
        "src/base/file_system.cpp", "        if (auto synced = sync_folder_of(part); !synced) return synced.error();\n", "",
        "system_calls", "SystemFiles.*",
    ),
    # What the dead leave.
    "drafts of segments stay": (
        LOG + "recovery.cpp", "    if (name.starts_with('~') && segment_first_offset(std::string_view(name).substr(1)))\n",
        "    if (name.empty())\n", "log", "Drafts.*",
    ),
    "drafts of the dead stay": (LOG + "drafts.cpp", "    if (!maker) continue;\n", "    continue;\n", "log", "Drafts.*"),
    "drafts of the living go": (LOG + "drafts.cpp", "    if (!dead || !*dead) continue;\n", "", "log", "Drafts.*"),
    "a topic is deleted under a group's members": (
        LOG + "deleting.cpp", "    if (*member) return std::optional{name};\n", "", "log", "Deleting.*",
    ),
    # Processes.
    "whoever does not answer is dead": (
        LOG + "slots.cpp", "  return !held->has_value();", "  return true;", "processes", "*OfOneThreadId*:*Stopped*",
    ),
    "nobody is ever dead": (
        LOG + "slots.cpp", "  return !held->has_value();", "  return false;", "processes", "*Forked*",
    ),
    "a child of a fork keeps the locks": (
        "src/base/file_system.cpp", "    fd_.keep_from_children();\n", "", "processes", "*Forked*",
    ),
    "a segment has its size or is not made": (
        LOG + "rolling.cpp", "    size = in_pages(std::max(size / 2, needed));", "    return done.error();", "processes", "*FullDisk*",
    ),
    # Who is stopped in a sync.
    "an event is appended before its writer is sure": (
        LOG + "syncing.cpp", "  if (!*since || !setting_.durable) return {};\n", "  return {};\n", "log", "WritingAnew.ASyncThatIs*",
    ),
    "who is stopped is waited for": (
        LOG + "syncing.cpp", "if (now - **since >= patience)", "if (now - **since >= 1000 * patience)", "log", "WritingAnew.WhoIs*",
    ),
    "a mark of a file that was replaced counts": (
        LOG + "syncs.hpp", "static_cast<std::int32_t>(of - (faults & ~1U)) < 0", "of != of + 0 * faults", "log", "WritingAnew.WhoIs*",
    ),
    "who replaces a file waits for who syncs the old one": (
        LOG + "writing_anew.cpp", "  replaced_for_.store(faults + 1);\n", "", "log", "WritingAnew.WhoIs*",
    ),
    "a mark does not say of which faults it is": (
        LOG + "syncs.cpp", "place.faults.store((control.faults.load() + 1) & ~1U)", "place.faults.store(0)", "log", "WritingAnew.WhoIs*",
    ),
    # Retention by age.
    "who published is forgotten with the last segment": (
        LOG + "ageing.cpp", "    if (!producers_.is_empty()) return {};\n", "", "log", "Ageing.*",
    ),
    "a segment goes when its first event is old": (
        LOG + "ageing.cpp", "  if (*since < next) return false;\n", "", "log", "Ageing.*",
    ),
    "nobody looks by the clock": (
        LOG + "log_directory.cpp", "    if (auto older = partition->has_older(oldest); !older || *older) remove_old(*partition, number);\n", "", "log", "Ageing.*",
    ),
    # Members.
    "a group is not told of a death": (
        LOG + "deaths.cpp", "group->second->tell_group();", "(void)0;", "members", "*Killed*",
    ),
    "who comes does not tell its group": (
        "src/brokers/log/member.cpp", "    if (member->members_known_ > 1) member->tell_group();\n", "", "members", "*Killed*",
    ),
    "a child keeps the watch of its parent": (
        "src/base/close_watch.cpp", "    events_.keep_from_children();\n", "", "members", "*OneThread*",
    ),
    "that nobody tells of deaths is not said": (
        LOG + "deaths.cpp", 'if (watch.error().code != "unsupported") sink', "if (false) sink", "members", "*SaySoOnce",
    ),
    "the watcher looks as often as others come and go": (
        LOG + "deaths.cpp", "constexpr int rest_times = 20;", "constexpr int rest_times = 0;", "log", "OfDeaths.*",
    ),
    "the watcher looks but once": (
        LOG + "deaths.cpp", "looks_after{0ms, 1ms, 5ms, 20ms, 100ms};", "looks_after{0ms, 1h, 1h, 1h, 1h};", "log", "OfDeaths.*",
    ),
    "times follow the clock back": (
        LOG + "appending.cpp",
        "      std::max(setting_.clock->now().time_since_epoch().count(), control.last_time.load(std::memory_order_relaxed));",
        "      setting_.clock->now().time_since_epoch().count();",
        "processes", "*SetBack",
    ),
}


def text_of(root, mutant):
    """The file's text with the mutant in it; None where what it replaces does not stand there exactly once."""
    file, there, then, _, _ = mutant
    text = (root / file).read_text(encoding="utf-8")
    return text.replace(there, then) if text.count(there) == 1 else None


def program_of(suite):
    return f"bin/{suite}_test" if suite in ("log", "broker_log") else f"bin/crash_{suite}_test"


def build(root, build_dir, folder, mutant):
    """The suite's program, with the one object in front of the libraries."""
    file, suite = mutant[0], mutant[3]
    source = folder / pathlib.Path(file).name
    source.write_text(text_of(root, mutant), encoding="utf-8")
    commands = json.loads((build_dir / "compile_commands.json").read_text(encoding="utf-8"))
    compile_it = shlex.split(next(one["command"] for one in commands if one["file"] == str(root / file)))
    place = compile_it.index("-o")
    compile_it[place + 1] = str(folder / "mutant.o")
    compile_it[compile_it.index("-c") + 1] = str(source)
    compile_it = [word for word in compile_it if word != "-Werror"] + ["-w", "-I", str((root / file).parent)]
    subprocess.run(compile_it, cwd=build_dir, check=True)
    told = subprocess.run(["ninja", "-t", "commands", program_of(suite)], cwd=build_dir, check=True,
                          capture_output=True, text=True).stdout
    link = told.strip().splitlines()[-1].split("&& ")[1]
    words = shlex.split(link.removesuffix(" "))
    place = words.index("-o")
    words[place + 1] = str(folder / "suite")
    first_object = next(i for i, word in enumerate(words) if word.endswith(".o"))
    subprocess.run(words[:first_object] + [str(folder / "mutant.o")] + words[first_object:], cwd=build_dir, check=True)
    return folder / "suite"


def is_found(program, tests):
    with tempfile.TemporaryFile("w+", errors="replace") as out:
        run = subprocess.Popen([program, f"--gtest_filter={tests}"], stdout=out, stderr=out, start_new_session=True)
        try:
            run.wait(SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return "it hangs"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)  # and whatever it started
            run.wait()
        out.seek(0)
        lines = [line.strip() for line in out.read().splitlines()]
    if run.returncode == 0:
        return None
    told = next((lines[i + 1 : i + 4] for i, line in enumerate(lines) if line.endswith("Failure")), lines[-1:])
    return " ".join(told) if run.returncode > 0 else f"signal {-run.returncode}"


def main():
    root, build_dir = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    stale = [name for name, mutant in MUTANTS.items() if text_of(root, mutant) is None]
    for name in stale:
        print(f"{MUTANTS[name][0]}: the mutant '{name}' has no place there any more; say it anew")
    if "--check" in sys.argv[3:] or stale:
        print(f"{len(MUTANTS)} mutants")
        return 1 if stale else 0
    alive = 0
    for name, mutant in MUTANTS.items():
        if sys.argv[3:] and name not in sys.argv[3:]:
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = is_found(build(root, build_dir, pathlib.Path(folder), mutant), mutant[4])
        print(f"{'found' if found else 'LIVES'}: {name}: {program_of(mutant[3])} {mutant[4]}: {(found or '')[:160]}", flush=True)
        alive += found is None
    print(f"{alive} live")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
