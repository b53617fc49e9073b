// World: the faults of kernel, storage, Kafka and the agent itself. False: it could not happen now, and did not.
#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "tests/sim/world/world.h"

namespace tailrace::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

bool World::heal_later(Dice& dice, Duration most, std::function<void()> heal) {
  const auto micros = static_cast<std::uint64_t>(most / std::chrono::microseconds(1));
  heals_.emplace(clock_.now() + std::chrono::microseconds(1 + dice.below(micros)), std::move(heal));
  return true;
}

bool World::act_kernel(Kind kind, Dice& dice) {
  say(std::string(name_of(kind)));
  switch (kind) {
    case Kind::read_error:
      disk_.faults().add({.op = SimOp::read, .sys_errno = EIO, .times = 1 + dice.below(3), .path_contains = "/log/"});
      return true;
    case Kind::open_error:
      disk_.faults().add({.op = SimOp::open_read,
                          .sys_errno = dice.one_in(2) ? EIO : ENFILE,
                          .times = 1 + dice.below(3),
                          .path_contains = "/log/"});
      return true;
    case Kind::no_permission: {
      const std::string path = some_file(dice, true);
      if (path.empty()) return false;
      const std::uint64_t inode = disk_.inode_of(path);
      if (inode == 0) return false;  // a link to nothing
      disk_.set_permitted(path, false);
      names_calm_from(clock_.now() + kScansWithin);
      return heal_later(dice, seconds(5), [this, inode] {
        if (const std::string now = path_of(inode); disk_.inode_of(now) == inode) disk_.set_permitted(now, true);
        names_calm_from(clock_.now() + kScansWithin);
      });
    }
    case Kind::few_descriptors:
      disk_.set_descriptor_limit(disk_.open_descriptors() + dice.below(2));
      names_calm_from(clock_.now() + kScansWithin);
      store_calm_from(clock_.now() + kRetriesWithin);  // a new segment wants one as well
      return heal_later(dice, seconds(5), [this] {
        disk_.set_descriptor_limit(SIZE_MAX);
        names_calm_from(clock_.now() + kScansWithin);
        store_calm_from(clock_.now() + kRetriesWithin);
      });
    case Kind::events_late:
      watcher_->hold(true);
      return heal_later(dice, seconds(2), [this] { watcher_->hold(false); });
    case Kind::events_lost:
      if (!watcher_->has_events()) return false;
      watcher_->drop_queue();
      note_untold();
      names_calm_from(clock_.now() + kScansWithin);
      return true;
    case Kind::overflow:
      watcher_->set_queue_max(1 + dice.below(3));
      return heal_later(dice, seconds(1), [this] { watcher_->set_queue_max(16'384); });
    case Kind::few_watches:
      watcher_->set_watch_limit(dice.below(3));
      names_calm_from(clock_.now() + kScansWithin);
      return heal_later(dice, seconds(20), [this] {
        watcher_->set_watch_limit(SIZE_MAX);
        names_calm_from(clock_.now() + kScansWithin);
      });
    case Kind::workers_late:
      are_workers_late_ = true;
      store_calm_from(clock_.now() + seconds(2));
      return heal_later(dice, seconds(2), [this] { are_workers_late_ = false; });
    case Kind::disk_hangs:
      is_disk_hung_ = true;
      engine_->hold(true);
      store_calm_from(clock_.now() + seconds(3));
      return heal_later(dice, seconds(3), [this] {
        is_disk_hung_ = false;
        if (engine_) engine_->hold(false);
      });
    default:
      return false;
  }
}

bool World::act_storage(Kind kind, Dice& dice) {
  say(std::string(name_of(kind)));
  store_calm_from(clock_.now() + kRetriesWithin);
  switch (kind) {
    case Kind::sync_fails:
      disk_.faults().add(
          {.op = SimOp::sync_data, .sys_errno = EIO, .times = 1 + dice.below(2), .path_contains = "/state"});
      return true;
    case Kind::write_fails:
      disk_.faults().add({.op = SimOp::write, .sys_errno = EIO, .times = 1 + dice.below(2), .path_contains = "/state"});
      return true;
    case Kind::disk_full:
      disk_.set_capacity(disk_.used_bytes());
      return heal_later(dice, seconds(20), [this] {
        disk_.set_capacity(UINT64_MAX);
        store_calm_from(clock_.now() + kRetriesWithin);
      });
    case Kind::read_only:
      disk_.set_read_only(true);
      return heal_later(dice, seconds(20), [this] {
        disk_.set_read_only(false);
        store_calm_from(clock_.now() + kRetriesWithin);
      });
    default:
      return false;
  }
}

// Everybody writes much: the backlog of many partitions meets at once. It is the records that are many, or the bytes.
void World::rush_hour(Dice& dice) {
  const bool has_long_lines = program_.max_line >= 1024 && dice.one_in(2);
  for (const char* directory : {"/log/a", "/log/b"}) {
    if (!disk_.exists(directory)) continue;
    for (int i = 0; i < 4; ++i) {
      const std::string path = fmt::format("{}/{}.log", directory, i);
      if (disk_.is_dangling(path)) continue;
      write_much(path, has_long_lines ? 150'000 : 60'000, has_long_lines ? 450 : 40, dice);
    }
  }
}

bool World::act_kafka(Kind kind, Dice& dice) {
  say(std::string(name_of(kind)));
  kafka_calm_ = std::max(kafka_calm_, clock_.now() + seconds(20));
  switch (kind) {
    case Kind::slow:
      cluster_.set_latency(milliseconds(20 + dice.below(2000)));
      return heal_later(dice, seconds(20), [this] { cluster_.set_latency(milliseconds(2)); });
    case Kind::silent:
      cluster_.set_mood(SimCluster::Mood::silent);
      heal_later(dice, seconds(20), [this] { cluster_.set_mood(SimCluster::Mood::up); });
      if (dice.one_in(6)) rush_hour(dice);
      return true;
    case Kind::away:
      cluster_.set_mood(SimCluster::Mood::away);
      return heal_later(dice, seconds(20), [this] { cluster_.set_mood(SimCluster::Mood::up); });
    case Kind::denied:
      heal_later(dice, seconds(10), [this] { cluster_.allow(); });
      cluster_.deny({.is_one_by_one = dice.one_in(2), .is_of_writes_only = dice.one_in(3)});
      return true;
    case Kind::refused:
      cluster_.refuse(static_cast<std::uint32_t>(1 + dice.below(3)));
      return true;
    case Kind::fatal:
      return cluster_.make_ill();
    case Kind::spinning:
      cluster_.set_mood(SimCluster::Mood::silent);
      cluster_.set_spins(true);
      return heal_later(dice, seconds(20), [this] {
        cluster_.set_mood(SimCluster::Mood::up);
        cluster_.set_spins(false);
      });
    case Kind::lingering:
      cluster_.set_lingers(true);
      return heal_later(dice, seconds(10), [this] { cluster_.set_lingers(false); });
    default:
      return false;
  }
}

bool World::act_agent(Kind kind, Dice& dice) {
  say(std::string(name_of(kind)));
  switch (kind) {
    case Kind::kill:
      end_agent(End::killed);
      return true;
    case Kind::power_loss:
      end_agent(End::power_lost, std::array{CrashMode::keep, CrashMode::drop, CrashMode::tear}[dice.below(3)]);
      return true;
    case Kind::new_device:
      end_agent(End::power_lost, CrashMode::keep);
      disk_.set_device(0x900 + dice.below(8));
      return true;
    case Kind::terminate: {
      if (is_draining_) return false;
      is_draining_ = true;
      for (Generation& generation : truth_.all()) {
        if (generation.fate != Fate::lives || generation.was_renamed) generation.may_end_early = true;
      }
      was_flush_ = dice.one_in(3);
      pipeline_->begin_drain(was_flush_ ? ShutdownMode::flush : ShutdownMode::drain, clock_.now());
      turn();
      const std::uint64_t life = life_;
      heals_.emplace(clock_.now() + config_.agent.shutdown_timeout, [this, life] {
        if (pipeline_ && is_draining_ && life == life_) end_agent(End::killed);
      });
      return true;
    }
    case Kind::wait:
      return true;
    default:
      return false;
  }
}

}  // namespace tailrace::sim
