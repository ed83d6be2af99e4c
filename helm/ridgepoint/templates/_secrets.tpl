{{/* Which Secrets there are, whoever made them. */}}

{{- define "ridgepoint.mutual" -}}
{{- if eq .Values.security.authentication "mutual-tls" }}true{{ end -}}
{{- end -}}

{{/* A JSON list of who has a certificate: servers always, clients where they show one. */}}
{{- define "ridgepoint.certified" -}}
{{- $who := ternary (list "coordinator" "agent" "operator") (list "coordinator") (eq (include "ridgepoint.mutual" .) "true") -}}
{{- if include "ridgepoint.webhooks" . -}}
{{- $who = append $who "webhook" -}}
{{- end -}}
{{- toJson $who -}}
{{- end -}}

{{/* A JSON list of the DNS names of a certificate; none for clients. Takes { root, who }. */}}
{{- define "ridgepoint.certifiedNames" -}}
{{- if eq .who "coordinator" -}}
{{- include "ridgepoint.dnsNames" .root -}}
{{- else if eq .who "webhook" -}}
{{- list (printf "%s.%s.svc" (include "ridgepoint.webhook" .root) .root.Release.Namespace) | toJson -}}
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{/* The common name of a certificate. Takes { root, who }. */}}
{{- define "ridgepoint.commonName" -}}
{{- if eq .who "coordinator" -}}
{{- include "ridgepoint.coordinator" .root -}}
{{- else if eq .who "webhook" -}}
{{- include "ridgepoint.webhook" .root -}}
{{- else -}}
{{- .who -}}
{{- end -}}
{{- end -}}

{{/* Secret with a certificate. Takes { root, who }: coordinator, agent, operator or webhook. */}}
{{- define "ridgepoint.tlsSecret" -}}
{{- $certificates := .root.Values.security.certificates -}}
{{- if eq $certificates.from "existing" -}}
{{- get $certificates.existing .who -}}
{{- else -}}
{{- printf "%s-%s-tls" (include "ridgepoint.fullname" .root) .who -}}
{{- end -}}
{{- end -}}

{{/* Secret with a token (agent, operator) or with the list of all (coordinator). Takes { root, who }. */}}
{{- define "ridgepoint.tokenSecret" -}}
{{- get .root.Values.security.tokens.existing .who | default (printf "%s-%s-token" (include "ridgepoint.fullname" .root) .who) -}}
{{- end -}}

{{/*
What a client mounts at /etc/ridgepoint/credentials, as sources of a projected volume: never the coordinator's key.
Takes { root, who }.
*/}}
{{- define "ridgepoint.credentials" -}}
{{- if include "ridgepoint.mutual" .root }}
- secret:
    name: {{ include "ridgepoint.tlsSecret" . }}
    items:
      - { key: ca.crt, path: ca.crt }
      - { key: tls.crt, path: tls.crt }
      - { key: tls.key, path: tls.key }
{{- else }}
- secret:
    name: {{ include "ridgepoint.tlsSecret" (dict "root" .root "who" "coordinator") }}
    items:
      - { key: ca.crt, path: ca.crt }
- secret:
    name: {{ include "ridgepoint.tokenSecret" . }}
    items:
      - { key: token, path: token }
{{- end }}
{{- end -}}
