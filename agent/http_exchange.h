// HttpExchange: one request and its answer, from its headers to its last byte. Owned by http_connections.
#pragma once

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "agent/http_routes.h"

namespace tailrace {

struct HttpExchange {
  HttpRequest request;
  std::optional<LoopQuestions::Ticket> ticket;  // the loop is asked; the connection is suspended meanwhile
  bool wants_all_files = false;                 // one of the few who may
  HttpReply reply;
  std::string piece;        // of reply.pieces, not yet taken
  bool has_failed = false;  // the rest of the pieces cannot be had
  std::size_t held_bytes = 0;

  // What the answer's next piece needs of the loop; nullopt: nothing.
  std::optional<LoopQuestion> next_question() const {
    if (!reply.pieces || !piece.empty() || has_failed) return std::nullopt;
    std::vector<SourceId> wanted = reply.pieces->wanted();
    if (wanted.empty()) return std::nullopt;
    return LoopQuestion{.files = std::move(wanted)};
  }

  // Copies what comes next into `to`; 0: it is over.
  std::size_t take(std::size_t position, char* to, std::size_t bytes_max) {
    std::string_view left;
    if (reply.pieces) {
      while (piece.empty()) {
        std::optional<std::string> next = reply.pieces->next({});
        if (!next) return 0;
        piece = *std::move(next);
      }
      left = piece;
    } else {
      left = std::string_view(reply.body).substr(std::min(position, reply.body.size()));
    }
    const std::size_t bytes = std::min(left.size(), bytes_max);
    std::memcpy(to, left.data(), bytes);
    if (reply.pieces) piece.erase(0, bytes);
    return bytes;
  }
};

}  // namespace tailrace
