public import Storage

/// Every statement of this module, for the test that looks at their plans. A type that is missing fails that test.
public enum WorkflowQueries {
    public static let catalogue: [any Statement.Type] =
        directory + booking + records + accounts + keys + rights
        + sweeps
        + incoming
        + messages
        + devices
        + money
        + waiting
        + replacing
        + checks

    private static let directory: [any Statement.Type] = [
        DirectoryRevision.self, HeldDirectoryRevision.self, TakenDirectoryRevision.self, AdvanceDirectoryRevision.self,
        ImportRevision.self, AdvanceImportRevision.self, AllLocations.self, StoreLocation.self, AllResources.self,
        StoreResource.self, AllVisitTypes.self, StoreVisitType.self, AllWorkingHours.self, StoreWorkingHours.self,
        DeleteWorkingHours.self, AllExceptions.self, StoreException.self, DeleteException.self, AllHolidays.self,
        StoreHoliday.self, DeleteHoliday.self,
    ]

    private static let booking: [any Statement.Type] = [
        PatientExists.self, PatientByID.self, StorePatient.self, AppointmentByID.self, AppointmentToChange.self,
        AppointmentContent.self,
        InsertAppointment.self, UpdateAppointment.self, InsertAppointmentPatient.self, MoveAppointmentPatient.self,
        OverdueHolds.self, AppointmentsOfPatient.self, AppointmentsOfPractitioner.self, AppointmentsOfDay.self,
        AppointmentsOfPlace.self, CareGiven.self, BrokenGlass.self, EmergencyByID.self, EmergencyToChange.self,
        EmergenciesAfter.self,
        UnreviewedEmergencies.self, InsertEmergency.self, ReviewEmergency.self, EndEmergency.self, SubjectsOfRole.self,
        LiveClaims.self, InsertClaim.self, ClaimsOfAppointment.self, DeleteClaims.self, HoldDays.self, AppointmentCount.self,
        ClaimsFrom.self, StartsFrom.self, StartsIn.self, EventHorizon.self, TouchedSince.self,
        HoldPatient.self, AheadOfPatient.self, LapsedHolds.self, InsertPatientHold.self, LapseHold.self, ForgetHold.self,
        ForgetOldHolds.self,
    ]

    private static let records: [any Statement.Type] = [
        WebhookByID.self, WebhookToChange.self, AllWebhooks.self, InsertWebhook.self, UpdateWebhook.self,
        DeleteWebhook.self, CancelDeliveries.self, InsertWebhookDelivery.self, NoteWebhookAttempt.self, DeliveriesOfWebhook.self,
        ForgetOldWebhookDeliveries.self,
        ChangesAfter.self, ChangeStands.self, NewestChange.self, OldestHiddenChange.self, LastEvent.self,
        InsertEvent.self, InsertAudit.self, AuditOf.self, InsertNotice.self, NoticesOf.self, NoticeByID.self, NoticesAfter.self,
        StoredAttempt.self, StoreAttempt.self, ForgetAttempt.self, ForgetExpiredAttempts.self, Vouch.self,
        InsertUnsealed.self, UnsealedRecords.self, DeleteUnsealed.self, DeleteUnsealedRange.self, AuditRecord.self,
        SealsAfter.self, LastSeal.self,
        InsertSeal.self, AuditAfter.self, AuditOfLists.self, IsUnsealed.self,
    ]

    private static let accounts: [any Statement.Type] = [
        AccountByLogin.self, AccountByID.self, AccountToChange.self, EndSessions.self, TouchLoginFailure.self, AccountsAfter.self,
        RolesOfAccount.self, InsertAccount.self,
        InsertAccountRole.self, PlacesOfAccount.self, InsertAccountPlace.self, DeleteAccountPlaces.self, DeleteAccountRole.self,
        ChangeSessionRole.self,
        SetPassword.self, SetAccountState.self, SessionByID.self, OpenSessions.self, EndedSince.self, InsertSession.self,
        TurnSession.self, EndSession.self, ForgetOldSessions.self, LoginFailures.self, CountLoginFailure.self,
        ForgetLoginFailures.self, ForgetOldLoginFailures.self, SecondFactorOf.self, ProposeSecondFactor.self, UseStep.self,
        LinkBySubject.self, LinkOfAccount.self, InsertLink.self, RemoveLinks.self,
        RemoveSecondFactor.self, InsertRecoveryCode.self, UseRecoveryCode.self, RemoveRecoveryCodes.self,
        VerifiedEmail.self, EmailOfAccount.self, StoreEmail.self, InsertLetter.self, LetterByID.self, LettersSince.self,
        ServiceByID.self, ServiceToChange.self, ServicesAfter.self, RevokedSince.self, SecretsOfService.self, InsertService.self,
        InsertServiceSecret.self, EndServiceSecrets.self, ForgetEndedSecrets.self, RevokeService.self, NoteServiceUse.self,
        KeysOfService.self, InsertServiceKey.self, UseAssertion.self, ForgetOldAssertions.self,
        UseLetter.self, UnusedLetters.self, SetLogin.self, VoidLetters.self, ForgetOldLetters.self,
    ]

    private static let keys: [any Statement.Type] = [
        AllDataKeys.self, InsertDataKey.self, FirstPatientName.self, PatientsByEmail.self, PatientsByPhone.self,
        PatientsByRecordNumber.self, SupersedeDataKey.self, RetireDataKeys.self, RewrapDataKey.self, SealedRows.self,
        ReplaceSealed.self, IndexPatient.self, SealedAnswers.self, ReplaceSealedAnswer.self, KeyWalk.self,
        NoteKeyWalk.self, AccountsOfSubject.self, SealedLinks.self, ReplaceSealedLink.self, IndexLogin.self, IndexAddress.self,
        FirstLogin.self, FirstServiceName.self,
    ]

    private static let rights: [any Statement.Type] = [
        PatientToChange.self, OpenCorrection.self, CorrectionByID.self, InsertCorrection.self, UpdateCorrection.self,
        CorrectionsOfPatient.self, CorrectionsAfter.self, OpenCorrections.self, CorrectionDepth.self, RecordState.self,
        RecordStateToChange.self, LastVisit.self, AheadOfRecord.self, SetClosed.self, ClosureOf.self, InsertClosure.self,
        DeleteClosure.self, LegalHoldOf.self, InsertLegalHold.self, DeleteLegalHold.self, ClosedRecords.self,
        RetentionRuleRows.self,
        StoreRetentionRule.self, AllAppointmentsOf.self, ErasePatient.self, EraseWords.self, EraseReasons.self, EraseAnswers.self,
        EraseNotices.self, EraseCorrections.self, EraseHolds.self, EraseEmergencies.self, EraseSessions.self,
        EraseRoleSessions.self,
        EraseSecondFactor.self, EraseRecoveryCodes.self, EraseEmail.self, EraseLetters.self, EraseLinks.self, ErasePlaces.self,
        EraseRoles.self, EraseAccount.self, InsertAuditReason.self, ReasonRow.self,
    ]

    private static let sweeps: [any Statement.Type] = [
        TaskByKey.self, InsertTask.self, TaskToChange.self, CompleteTask.self, OpenTasks.self, TasksAfter.self, TaskDepth.self,
        WaitingFor.self, ClaimedAppointments.self, ClaimsInOrder.self,
        RemindedAppointments.self, IsReminded.self, QueuedMessages.self, IsInOutbox.self, InvoiceCounter.self,
        InvoiceNumbersFrom.self,
        InsertExternalEntry.self, UpdateExternalEntry.self, ExternalEntryByID.self, ExternalEntriesOf.self,
        LastExternalEntry.self,
        UnsettledEntries.self, AgreedElsewhere.self, IsOnItsWay.self,
        LinkOfAppointment.self, StoreRecordsLink.self, RecordsInStep.self, SyncStates.self, NoteSyncSuccess.self,
        NoteSyncFailure.self, WaitingOfTopic.self, HurryTopic.self,
        LinkToChange.self, NoteTried.self, AdoptVersion.self, PutBack.self, SyncStateOf.self, NoteAlerted.self, NotePosition.self,
        TaskOfKey.self,
    ]

    private static let replacing: [any Statement.Type] = [
        CurrentReplacement.self, StoreReplacement.self, NoteMirrored.self, CurrentLegacyFeed.self, TouchLegacyFeed.self,
        LegacyFeedToChange.self, StoreLegacyFeed.self, LegacyRowByID.self, LegacyRowToChange.self, LegacyRowsOfAppointment.self,
        StoreLegacyRow.self, LegacyClaims.self, InsertLegacyClaim.self, DeleteLegacyClaims.self, LegacyDayCount.self,
        WaitingLegacyRows.self, HowManyLegacyRowsWait.self, RefusedLegacyRows.self, ForgetLegacyRefusals.self,
        ComparedLegacyRows.self, DifferingLegacyRows.self, EraseLegacyRows.self, EraseLegacyClaims.self,
        LegacyLinkOf.self, LegacyLinkToChange.self, LegacyChangesUnderWay.self, WasGivenUpThere.self, StoreLegacyLink.self,
        AppointmentsThere.self,
    ]

    private static let incoming: [any Statement.Type] = [
        KnownNews.self, InsertNews.self, UnhandledNews.self, EndNews.self, ForgetOldNews.self,
    ]

    private static let messages: [any Statement.Type] = [
        InsertMessage.self, MessageByID.self, MessageProgress.self, MessageToChange.self, UpdateMessage.self, AnswerMessage.self,
        NewestMessagesTo.self,
        WrittenToAt.self, MessagesOfPatient.self, OpenCalls.self, SettleCall.self, EraseMessages.self,
        PreferencesOf.self, StorePreferences.self, ConsentsOf.self, StoreConsent.self, ErasePreferences.self, EraseConsents.self,
        WaysTo.self, TemplateOf.self, AllTemplates.self, StoreTemplate.self, DeleteTemplate.self,
        WhoIsTold.self, StaffContactOf.self, StaffContactToChange.self, StoreStaffContact.self,
    ]

    private static let devices: [any Statement.Type] = [
        DevicesOf.self, DeviceByRegistration.self, StoreDevice.self, ForgetDevice.self, ForgetRegistration.self,
        ForgetDevicesOfSession.self, ForgetOtherDevicesOfSession.self, EraseDevices.self,
    ]

    private static let money: [any Statement.Type] = [
        PaymentOfAppointment.self, PaymentAskedFor.self, PaymentByID.self, PaymentToChange.self, InsertPayment.self,
        UpdatePayment.self, UnsettledPayments.self, StandingPayments.self, WasDiscarded.self, RefundByID.self,
        RefundToChange.self, RefundsOfPayment.self,
        UnsettledRefunds.self, InsertRefund.self, UpdateRefund.self, NextInvoiceNumber.self, InsertInvoice.self, InvoiceByID.self,
        InvoiceOfPayment.self, CreditNoteOfRefund.self, LastReconciliation.self, NoteReconciliation.self, InvoicesOfPatient.self,
        InvoicesAfter.self,
        ErasePayerSecret.self,
    ]

    private static let waiting: [any Statement.Type] = [
        LooseEnds.self, WaitlistPlaceByID.self, WaitlistPlaceToChange.self, WaitingForVisit.self, WaitingPlaces.self,
        SomebodyWaits.self,
        WaitingLine.self, PlacesOfPatient.self, PlacesAfter.self, InsertWaitlistPlace.self, UpdateWaitlistPlace.self,
        OpenOfferOfHold.self, OfferOfHold.self, OpenOfferAt.self, OffersOfTime.self, OfferByID.self, OffersOfPatient.self,
        OffersAfter.self,
        InsertOffer.self, EndOffer.self, EraseOffers.self, EraseWaiting.self, SeriesByID.self, SeriesToChange.self,
        VisitsOfSeries.self, SeriesOfAppointment.self, InsertSeries.self, InsertSeriesVisit.self, AdvanceSeries.self,
    ]

    /// Read a whole table on purpose: `ClinicCheck`, `AuditVerifier` and `AuditExport` are for the command line.
    public static let checks: [any Statement.Type] = [
        AuditCounts.self, AuditBetween.self, CurrentRole.self, MayRewriteAudit.self,
        OverlappingClaims.self, UnclaimedAppointments.self, OrphanedClaims.self, HowManyAppointments.self,
        InvoiceNumbersAmiss.self,
    ]
}
