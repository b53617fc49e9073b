// The exit statuses of the command line (contract, section 1). A second signal: 128 + its number.
#pragma once

namespace tailrace {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;  // failed while running
inline constexpr int kExitUsage = 2;
inline constexpr int kExitConfig = 78;  // what only editing the config can mend (EX_CONFIG of sysexits.h)

}  // namespace tailrace
