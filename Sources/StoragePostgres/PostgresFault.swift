import CPostgres
import Storage

/// What went wrong on a connection, before it is known what it means for the body that met it.
enum PostgresFault: Error {
    /// The server refused a statement: its code (SQLSTATE), and what it amounts to.
    case refused(code: String, StorageFault)
    /// The connection is gone or was given up.
    case lost(String)

    init(_ result: PostgresResult, statement: String) {
        let code = result.sqlState
        self = .refused(code: code, Self.meaning(code, result, statement))
    }

    /// Whether the same body may well succeed when it is run again from its start.
    var repetition: String? {
        switch self {
        case .refused("40001", _): "serialization"
        case .refused("40P01", _): "deadlock"
        // The server is going down, has gone down, or is no longer the one that may write.
        case .refused("57P01", _), .refused("57P02", _), .refused("57P03", _), .refused("25006", _): "connection"
        case .lost: "connection"
        default: nil
        }
    }

    /// Whether the connection can be used no longer.
    var endsConnection: Bool { repetition == "connection" }

    var meaning: StorageFault {
        switch self {
        case .refused(_, let fault): fault
        case .lost(let what): .connectionLost(what)
        }
    }

    /// Messages of the server quote what was sent for some codes (`invalid input syntax for type uuid: "…"`), so only those
    /// about the schema are passed on.
    private static func meaning(_ code: String, _ result: PostgresResult, _ statement: String) -> StorageFault {
        switch code {
        case "23503": .constraint("foreign_key")
        case _ where code.hasPrefix("23"): .constraint(result.constraint ?? "not_null")
        case "40001", "40P01", "55P03": .contended
        case "57014": .timedOut
        case "25006": .readOnly
        case "53100": .full
        case "53200": .unreachable("the server has no memory left")
        case "53300", "53000", "53400": .unreachable("the server has no connection left; raise max_connections or lower --pool")
        case "58030": .inputOutput("the server's disk")
        case "57P01", "57P02", "57P03": .connectionLost("the server is stopping or starting")
        case _ where code.hasPrefix("08"): .connectionLost("the connection broke (\(code))")
        case _ where code.hasPrefix("XX"): .corrupt("the server reports \(code)")
        case "42501" where result.message.contains("extension"), "0A000" where result.message.contains("btree_gist"),
            "58P01" where result.message.contains("btree_gist"):
            .cannotOpen(
                "the database lacks the extension btree_gist; install PostgreSQL's contrib package and let a superuser run "
                    + "CREATE EXTENSION btree_gist in it")
        case "42P01", "42703", "42883", "42601", "42501", "3F000", "58P01", "0A000", "42704", "42P07", "42710":
            .statement("\(statement): \(result.message) (\(code))")
        // RAISE EXCEPTION of our own triggers gives the rule's name as the message.
        case "P0001": result.message == "moving" ? .moving : .constraint(result.message)
        default: .statement("\(statement): refused with \(code)")
        }
    }
}

extension StorageFault {
    /// Why no connection could be made, in a sentence that says what to do. libpq gives a text only.
    static func unreachable(because message: String) -> StorageFault {
        // Only what libpq says about a server it has talked to is passed on: about a URL it cannot read it quotes the URL,
        // and with it the password.
        let isAboutServer = message.hasPrefix("connection to server")
        let whole = message.split(separator: "\n").joined(separator: " ")
        let text = isAboutServer ? whole : "the URL is not understood; it looks like postgres://user@host:5432/name"
        let advice: [(sign: String, said: String)] = [
            ("password authentication failed", "the server refused the password; check the user and the password file"),
            (
                "no password supplied",
                "the server wants a password; put it in a file and name it with passfile=, or set PGPASSWORD"
            ),
            ("no pg_hba.conf entry", "the server admits nobody from here under this name; add a line to its pg_hba.conf"),
            ("could not translate host name", "no such host; check the URL"),
            ("certificate", "the server's certificate is not accepted: \(text)"),
            ("SSL", "no encrypted connection: \(text)"),
            ("remaining connection slots", "the server has no connection left; raise max_connections or lower --pool"),
            ("too many clients", "the server has no connection left; raise max_connections or lower --pool"),
            ("no more connections allowed", "PgBouncer admits no more clients; raise max_client_conn or lower --pool"),
            ("role", text),
            ("does not exist", "\(text); create it first: CREATE DATABASE … OWNER …"),
            ("read-only", "none of the servers may be written to; a failover may be under way"),
        ]
        let known = advice.first { whole.contains($0.sign) }
        return .unreachable(known?.said ?? text)
    }
}
