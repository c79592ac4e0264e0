{{/* What PodMonitor and ServiceMonitor have in common. */}}

{{- define "airl.monitored" -}}
matchLabels:
  app.kubernetes.io/name: {{ include "airl.name" . }}
  app.kubernetes.io/instance: {{ .Release.Name }}
matchExpressions:
- key: app.kubernetes.io/component
  operator: In
  values: [controller, dataplane]
{{- end -}}

{{/* `component` tells the two programs apart whatever the job is called. */}}
{{- define "airl.scrape" -}}
path: /metrics
{{- with .interval }}
interval: {{ . }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
relabelings:
- action: replace
  sourceLabels: [__meta_kubernetes_pod_label_app_kubernetes_io_component]
  targetLabel: component
{{- with .relabelings }}
{{ toYaml . }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
