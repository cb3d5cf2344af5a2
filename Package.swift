// swift-tools-version:6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// One room of the house. What it may import is what stands in `uses`; `docs/overview.md` draws the same picture.
func room(_ name: String, uses: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: uses, swiftSettings: strict)
}

/// A suite is built without optimization, or building them all would take longer than running them; what they test is optimized. Not so
/// where the test itself computes for a while: a million histories beside their obvious model.
func suite(_ name: String, uses: [Target.Dependency], computes: Bool = false, exclude: [String] = []) -> Target {
    let plain: [SwiftSetting] = computes ? [] : [.unsafeFlags(["-Onone"], .when(configuration: .release))]
    return .testTarget(name: name, dependencies: uses, exclude: exclude, swiftSettings: strict + plain)
}

let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let hummingbirdHTTP2 = Target.Dependency.product(name: "HummingbirdHTTP2", package: "hummingbird")
let jwt = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metricsFacade = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")

let package = Package(
    name: "mediconnect",
    products: [
        .executable(name: "mediconnect", targets: ["mediconnect"]),
        .executable(name: "proofs", targets: ["proofs"]),
        // Loaded into a server under test.
        .library(name: "CFullDisk", type: .dynamic, targets: ["CFullDisk"]),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    ],
    targets: [
        // Pure: no input, no output, milliseconds to test.
        room("Notation"),
        room("People", uses: ["Notation"]),
        room("Scheduling", uses: ["Notation"]),
        room("Resilience", uses: ["Notation"]),
        room("CalendarText", uses: ["Scheduling", "Notation"]),
        room("Sealing", uses: ["Notation", crypto]),
        room("Secrecy", uses: ["Sealing", "Notation", crypto]),
        room("Outbound", uses: ["Notation"]),
        room("Admission", uses: ["Notation"]),
        room("Partners", uses: ["Notation"]),
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        room("Identity", uses: ["Sealing", "Notation", "CSodium", crypto]),

        // The seam to SQL, and the engine of one machine.
        room("Storage", uses: ["Notation"]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        room("StorageSQLite", uses: ["Storage", "Notation", "CSQLite"]),

        // The engine of many machines.
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        room("StoragePostgres", uses: ["Storage", "Notation", "CPostgres"]),

        // What people are written; and the ways out, to them and to other systems.
        room("Letters", uses: ["Notation", mustache]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CRabbit", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),
        room(
            "Connectors",
            uses: [
                "Partners", "Outbound", "Letters", "Resilience", "Storage", "Notation", "CCurl", "CRabbit", httpClient, nioCore,
                nioHTTP1,
                nioSSL,
                crypto, jwt,
            ]),
        // Plays whoever is at the other end of them.
        room(
            "Simulator",
            uses: [
                "Notation", hummingbird, hummingbirdCore, httpClient, nioCore, nioHTTP1, crypto, jwt, logging, lifecycle, signals,
            ]),

        // What the clinic does, and what it leaves to be done.
        room("Outbox", uses: ["Storage", "Resilience", "Notation"]),
        // Whom other identity providers know.
        room("SingleSignOn", uses: ["Identity", "People", "Resilience", "Notation", crypto, jwt]),
        room(
            "Workflows",
            uses: [
                "Identity", "Secrecy", "Sealing", "Letters", "Partners", "Outbound", "CalendarText", "Outbox", "Resilience",
                "People",
                "Scheduling", "Storage",
                "Notation",
            ]),

        // Takes a clinic from one database to another while it works.
        room("Moving", uses: ["Storage", "Notation"]),

        // Which clinics there are, where each lives, and which may be open.
        room("Tenancy", uses: ["Notation"]),

        // How it is reached and watched.
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        room(
            "API",
            uses: [
                "Workflows", "Partners", "SingleSignOn", "Identity", "Admission", "Letters", "People", "Scheduling", "Storage",
                "Notation",
                "CZlib", hummingbird,
                jwt, crypto, logging,
                metricsFacade,
            ]),
        room("Telemetry", uses: ["Notation", logging, metrics]),

        .executableTarget(
            name: "mediconnect",
            dependencies: [
                "API", "SingleSignOn", "Admission", "Moving", "Tenancy", "Secrecy", "Sealing", "Identity", "Connectors",
                "Partners", "Simulator", "Outbound",
                "Letters", "Resilience", "Workflows",
                "Outbox", "StorageSQLite",
                "StoragePostgres",
                "Storage",
                "Telemetry",
                "People",
                "Scheduling", "Notation", hummingbird, hummingbirdCore, hummingbirdHTTP2, nioCore, nioPosix, nioTLS, nioSSL,
                logging, metricsFacade, metrics,
                arguments, configuration, lifecycle, signals,
            ],
            swiftSettings: strict
        ),

        // What a stranger runs to see the promises kept, and what tests share.
        .target(name: "CFaultyDisk", dependencies: ["CSQLite"]),
        .target(name: "CFullDisk"),
        room(
            "TestKit",
            uses: [
                "Secrecy", "Workflows", "Partners", "Outbox", "StorageSQLite", "StoragePostgres", "Storage", "Scheduling",
                "People",
                "Notation",
                "PostgresCluster", "Processes",
            ]),
        room("Processes"),
        room("PostgresCluster", uses: ["Processes"]),
        .target(name: "TrialMail", dependencies: ["Processes"], exclude: ["mail_server.py"], swiftSettings: strict),
        .target(name: "CBusListener", dependencies: ["CRabbit"]),
        room("PrivateBroker", uses: ["Processes", "CBusListener"]),
        room("LoopbackClient", uses: ["Processes", httpClient, nioCore, nioHTTP1]),
        .executableTarget(
            name: "proofs",
            dependencies: [
                "TestKit", "LoopbackClient", "PostgresCluster", "PrivateBroker", "Processes", "API", "Admission", "Secrecy",
                "Workflows", "Outbox",
                "StorageSQLite", "StoragePostgres",
                "Storage", "CSQLite", "CPostgres",
                "People", "Scheduling",
                "Notation", nioCore, nioPosix, hummingbird, logging, arguments, lifecycle, signals,
            ],
            swiftSettings: strict
        ),

        suite("NotationTests", uses: ["Notation"]),
        suite("SchedulingTests", uses: ["Scheduling", "TestKit", "Notation"], computes: true, exclude: ["Vectors"]),
        suite("CalendarTextTests", uses: ["CalendarText", "Scheduling", "Notation"]),
        suite("ResilienceTests", uses: ["Resilience", "TestKit", "Notation"], computes: true),
        suite("PeopleTests", uses: ["People", "Notation"]),
        suite("IdentityTests", uses: ["Identity", "Notation"]),
        suite("LettersTests", uses: ["Letters", "Notation"]),
        suite("SealingTests", uses: ["Sealing", "Notation"]),
        suite("SecrecyTests", uses: ["Secrecy", "TestKit", "Notation"]),
        suite("AttackTests", uses: ["LoopbackClient", "Processes", "Workflows", "Notation"]),
        suite("OutboundTests", uses: ["Outbound", "TestKit"]),
        suite(
            "ConnectorsTests",
            uses: [
                "Connectors", "Partners", "Resilience", "Outbound", "Letters", "TestKit", "Notation", "Processes", "TrialMail",
                "PrivateBroker", "Workflows", "Outbox", "Storage", "Scheduling",
                "LoopbackClient", crypto, nioCore, nioPosix, nioHTTP1, nioSSL,
            ]),
        suite("SimulatorTests", uses: ["LoopbackClient", "Processes", "Notation"]),
        suite("AdmissionTests", uses: ["Admission", "TestKit", "Notation"]),
        suite("StorageSQLiteTests", uses: ["StorageSQLite", "Storage", "Notation", "CFaultyDisk"]),
        suite(
            "OutboxTests", uses: ["TestKit", "Outbox", "Resilience", "StorageSQLite", "StoragePostgres", "Storage", "Notation"]),
        suite("TelemetryTests", uses: ["Telemetry", "Notation", logging, metrics]),
        suite(
            "WorkflowsTests",
            uses: [
                "TestKit", "Secrecy", "Workflows", "Outbox", "People", "Scheduling", "StorageSQLite", "StoragePostgres",
                "Storage",
                "Notation",
            ]),
        suite(
            "APITests",
            uses: [
                "API", "Partners", "Connectors", "SingleSignOn", "Admission", "Resilience", "Secrecy", "Telemetry", "Tenancy",
                "Workflows", "Identity",
                "Letters",
                "Outbox",
                "People", "Scheduling", "TestKit",
                "StorageSQLite", "StoragePostgres", "PostgresCluster", "Storage",
                "Notation",
                hummingbird,
                hummingbirdTesting, jwt, crypto, logging, metricsFacade, metrics,
            ]),
        suite(
            "StoragePostgresTests",
            uses: ["TestKit", "StoragePostgres", "Storage", "Notation", "PostgresCluster", "Processes"]),
        suite("PostgresClusterTests", uses: ["PostgresCluster", "Processes"]),
        suite(
            "MovingTests",
            uses: [
                "Moving", "TestKit", "Workflows", "Identity", "People", "Scheduling", "StorageSQLite", "StoragePostgres",
                "Storage",
                "Notation", "PostgresCluster",
            ]),
        suite("TenancyTests", uses: ["Tenancy", "Processes"]),
        suite(
            "TenantTests",
            uses: ["LoopbackClient", "Processes", "PostgresCluster", "TestKit", "Workflows", "Notation"]),
        suite("CrashTests", uses: ["LoopbackClient", "Notation", "PostgresCluster", "Processes", "StorageSQLite", "TrialMail"]),
        suite(
            "PromiseTests",
            uses: [
                "TestKit", "Partners", "Secrecy", "Sealing", "Identity", "Letters", "Connectors", "TrialMail", "Resilience",
                "Workflows",
                "Outbox",
                "StorageSQLite", "StoragePostgres", "Storage", "Scheduling", "People", "Notation", "PostgresCluster",
            ]),
    ]
)
