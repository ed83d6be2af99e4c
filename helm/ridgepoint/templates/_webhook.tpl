{{/* The operator's webhook, which the API server asks about Sweeps. */}}

{{- define "ridgepoint.webhooks" -}}
{{- if and .Values.operator.enabled .Values.operator.webhook.enabled }}true{{ end -}}
{{- end -}}

{{/* The Service that it is asked at. */}}
{{- define "ridgepoint.webhook" -}}
{{- printf "%s-operator-webhook" (include "ridgepoint.fullname" .) -}}
{{- end -}}

{{/*
What the API server asks it about. Ignore: a cluster without an operator takes Sweeps, and the operator says then what is
wrong with one. Takes { root, caBundle? }, a PEM text; without one cert-manager writes it.
*/}}
{{- define "ridgepoint.webhookConfiguration" -}}
{{- $root := .root -}}
{{- $name := include "ridgepoint.webhook" $root -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: {{ printf "%s-%s" $root.Release.Namespace $name }}
  labels:
    {{- include "ridgepoint.labels" (dict "root" $root "component" "operator") | nindent 4 }}
  {{- if not .caBundle }}
  annotations:
    cert-manager.io/inject-ca-from: {{ $root.Release.Namespace }}/{{ include "ridgepoint.fullname" $root }}-webhook
  {{- end }}
webhooks:
  - name: sweeps.ridgepoint.dev
    admissionReviewVersions: [v1]
    clientConfig:
      service: { name: {{ $name }}, namespace: {{ $root.Release.Namespace }}, port: 443, path: /review }
      {{- with .caBundle }}
      caBundle: {{ b64enc . }}
      {{- end }}
    rules:
      - apiGroups: [ridgepoint.dev]
        apiVersions: [v1alpha1]
        operations: [CREATE, UPDATE]
        resources: [sweeps]
        scope: Namespaced
    {{- if not $root.Values.operator.allNamespaces }}
    namespaceSelector:
      matchLabels: { kubernetes.io/metadata.name: {{ $root.Release.Namespace }} }
    {{- end }}
    failurePolicy: Ignore
    sideEffects: None
    timeoutSeconds: 5
{{- end -}}
